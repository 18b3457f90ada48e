// conv_0_10_3: integer mantissas, exact widths; nothing wraps or saturates but where it is written.
#include "conv_0_10_3.h"

// In simulation arrays lie outside the stack; hardware has no stack.
#ifdef __SYNTHESIS__
#define NN2HDL_LOCAL
#else
#define NN2HDL_LOCAL static
#endif

#include "weights.h"

namespace layers {

template <class I> static I floor_div(I a, long long by) {
#pragma HLS INLINE
    return I(a < 0 ? (a + 1) / by - 1 : a / by);
}

template <class I> static I floor_mod(I a, long long by) {
#pragma HLS INLINE
    return I(a - floor_div(a, by) * by);
}

template <class T, int N> static void copy(const T from[N], T to[N]) {
    for (int n = 0; n < N; ++n) {
#pragma HLS UNROLL
        to[n] = from[n];
    }
}

template <class T, int N> static void fork(const T from[N], T one[N], T other[N]) {
    for (int n = 0; n < N; ++n) {
#pragma HLS UNROLL
        one[n] = from[n];
        other[n] = from[n];
    }
}

// conv0: fixed<3,3> of shape [2, 10]
static void conv0(const ap_int<2> x[10], ap_int<3> conv0_out[20]) {
#pragma HLS INLINE off
    for (int p1 = 0; p1 < 10; ++p1) {
#pragma HLS PIPELINE II=1
#pragma HLS UNROLL factor=2
        for (int p0 = 0; p0 < 2; ++p0) {
#pragma HLS UNROLL
            ap_int<6> acc = 0;
            for (int r0 = 0; r0 < 1; ++r0) {
#pragma HLS UNROLL
                for (int r1 = 0; r1 < 3; ++r1) {
#pragma HLS UNROLL
                    const int x0_at1 = p1 + r1;
                    const ap_int<2> x0 = x0_at1 >= 10 ? ap_int<2>(-1) : ap_int<2>(x[r0 * 10 + x0_at1]);
                    const ap_int<4> k = conv0_weight[(p0 + r0) * 3 + r1];
                    const ap_int<5> product = x0 * k;
                    acc += product;
                }
            }
            const ap_int<6> larger = acc < ap_int<3>(-4) ? ap_int<6>(-4) : ap_int<6>(acc);
            const ap_int<3> smaller = larger < ap_int<3>(3) ? ap_int<3>(larger) : ap_int<3>(3);
            conv0_out[p0 * 10 + p1] = smaller;
        }
    }
}

// conv1: fixed<2,2> of shape [1, 10]
static void conv1(const ap_int<3> conv0_out[20], ap_int<2> conv1_out[10]) {
#pragma HLS INLINE off
    for (int p1 = 0; p1 < 10; ++p1) {
#pragma HLS PIPELINE II=1
#pragma HLS UNROLL factor=2
        for (int p0 = 0; p0 < 1; ++p0) {
#pragma HLS UNROLL
            ap_int<7> acc = 0;
            for (int r0 = 0; r0 < 2; ++r0) {
#pragma HLS UNROLL
                for (int r1 = 0; r1 < 3; ++r1) {
#pragma HLS UNROLL
                    const int x0_at1 = p1 + r1 - 1;
                    const ap_int<3> x0 = x0_at1 < 0 || x0_at1 >= 10 ? ap_int<3>(-1) : ap_int<3>(conv0_out[r0 * 10 + x0_at1]);
                    const ap_int<4> k = conv1_weight[(p0 * 2 + r0) * 3 + r1];
                    const ap_int<6> product = x0 * k;
                    acc += product;
                }
            }
            const ap_int<6> shifted = acc >> 1;
            const ap_uint<1> wrapped = ap_uint<1>(shifted);
            const ap_int<7> sum = acc + wrapped;
            const ap_int<6> shifted_2 = sum >> 1;
            const ap_int<6> larger = shifted_2 < ap_int<2>(-2) ? ap_int<6>(-2) : ap_int<6>(shifted_2);
            const ap_int<2> smaller = larger < ap_int<2>(1) ? ap_int<2>(larger) : ap_int<2>(1);
            conv1_out[p0 * 10 + p1] = smaller;
        }
    }
}

}  // namespace layers

// main
void conv_0_10_3(const ap_int<2> x[10], ap_int<2> y[10]) {
#pragma HLS INTERFACE ap_vld port=x
#pragma HLS ARRAY_RESHAPE variable=x complete dim=0
#pragma HLS INTERFACE ap_vld port=y
#pragma HLS ARRAY_RESHAPE variable=y complete dim=0
#pragma HLS DATAFLOW
    NN2HDL_LOCAL ap_int<3> conv0_out[20];
#pragma HLS ARRAY_PARTITION variable=conv0_out complete dim=0
    layers::conv0(x, conv0_out);
    layers::conv1(conv0_out, y);
}
