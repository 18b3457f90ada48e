// random_12
//
// x0: 10 codes of ap_int<7>, fixed<7,7> of shape [10], row-major
// y0: 6 codes of ap_uint<4>, ufixed<4,0> of shape [6], row-major
//
// Arrays hold integer codes, element 0 first. A port that is reshaped whole is one vector with element 0 in the low
// bits: the port of the same name of the Verilog module.
#ifndef RANDOM_12_H
#define RANDOM_12_H

#include <ap_int.h>

void random_12(const ap_int<7> x0[10], ap_uint<4> y0[6]);

#endif
