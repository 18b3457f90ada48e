//! Printers of the netlist.
