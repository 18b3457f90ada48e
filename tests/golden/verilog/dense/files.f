nn2hdl_rom.v
random_12_net0_dense0.v
random_12.v
