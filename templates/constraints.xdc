# Whichever of the bare top, the AXI4-Stream and the ap_ctrl wrapper is built has one of these clocks.
create_clock -name clk -period {{ period }} [get_ports -quiet {clk aclk ap_clk}]
