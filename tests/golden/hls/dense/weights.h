// Constants. Simulation takes a native type, which needs no constructor; hardware takes the bits that are needed.
#ifndef RANDOM_12_WEIGHTS_H
#define RANDOM_12_WEIGHTS_H

#include <ap_int.h>

#ifdef __SYNTHESIS__
#define NN2HDL_TABLE(bits, native) bits
#else
#define NN2HDL_TABLE(bits, native) native
#endif

namespace layers {

// net0_dense0.weight
static const NN2HDL_TABLE(ap_int<2>, signed char) net0_dense0_weight[60] = {
    -1, 1, -1, 0, 0, 0, -1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, -1, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 0, 1, 1, 0, 0, 0, -1, 0, -1, 1, 0, 0, 0, 0, 0, 0, -1, 0, 0, -1, 0, -1, -1,
};

// net0_dense0.bias
static const NN2HDL_TABLE(ap_int<4>, signed char) net0_dense0_bias[6] = {
    4, -2, 1, 3, 4, -1,
};

// net0_dense0.half (derived)
static const NN2HDL_TABLE(ap_uint<6>, signed char) net0_dense0_half_derived[6] = {
    32, 8, 8, 16, 8, 8,
};

// net0_dense0.amount (derived)
static const NN2HDL_TABLE(ap_uint<3>, signed char) net0_dense0_amount_derived[6] = {
    6, 4, 4, 5, 4, 4,
};

}  // namespace layers

#endif
