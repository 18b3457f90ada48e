// conv_0_10_3
//
// x: 10 codes of ap_int<2>, fixed<2,2> of shape [1, 10], row-major
// y: 10 codes of ap_int<2>, fixed<2,2> of shape [1, 10], row-major
//
// Arrays hold integer codes, element 0 first. A port that is reshaped whole is one vector with element 0 in the low
// bits: the port of the same name of the Verilog module.
#ifndef CONV_0_10_3_H
#define CONV_0_10_3_H

#include <ap_int.h>

void conv_0_10_3(const ap_int<2> x[10], ap_int<2> y[10]);

#endif
