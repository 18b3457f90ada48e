//! nn2hdl-testbench
