//! nn2hdl-models
