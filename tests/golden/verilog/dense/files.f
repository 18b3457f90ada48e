nn2hdl_add.v
random_12_net0_dense0.v
random_12.v
