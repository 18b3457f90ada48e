//! nn2hdl-tests
