// Constants. Simulation takes a native type, which needs no constructor; hardware takes the bits that are needed.
#ifndef CONV_0_10_3_WEIGHTS_H
#define CONV_0_10_3_WEIGHTS_H

#include <ap_int.h>

#ifdef __SYNTHESIS__
#define NN2HDL_TABLE(bits, native) bits
#else
#define NN2HDL_TABLE(bits, native) native
#endif

namespace layers {

// conv0.weight
static const NN2HDL_TABLE(ap_int<4>, signed char) conv0_weight[6] = {
    -7, 0, -7, 5, 5, -3,
};

// conv1.weight
static const NN2HDL_TABLE(ap_int<4>, signed char) conv1_weight[6] = {
    -1, 2, -6, -3, -1, -3,
};

}  // namespace layers

#endif
