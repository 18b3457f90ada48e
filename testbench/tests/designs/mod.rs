//! The hand-written modules under `tests/rtl`.

use std::path::{Path, PathBuf};

use nn2hdl_testbench::{BuildRequest, Model, Port, Toolchain};

/// Verilator is part of what these tests need: without it they fail, and say how to install it.
pub fn toolchain() -> Toolchain {
    Toolchain::find().unwrap_or_else(|error| panic!("{error}"))
}

/// One module per file, named as the file.
pub fn source(top: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rtl").join(top).with_extension("v")
}

pub fn request(top: &str, data: &[Port]) -> BuildRequest {
    let mut ports = vec![
        Port::input("clk", 1),
        Port::input("rst", 1),
        Port::input("in_valid", 1),
        Port::output("out_valid", 1),
    ];
    ports.extend_from_slice(data);
    BuildRequest::new(top, vec![source(top)], ports)
}

pub fn add2() -> BuildRequest {
    request("add2", &[Port::input("a", 100), Port::input("b", 40), Port::output("y", 101)])
}

pub fn build(request: &BuildRequest) -> Model {
    Model::build(&toolchain(), request, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
}
