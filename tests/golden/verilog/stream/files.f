nn2hdl_rom.v
conv_0_10_3_conv0.v
conv_0_10_3_conv1.v
conv_0_10_3.v
