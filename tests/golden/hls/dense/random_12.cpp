// random_12: integer mantissas, exact widths; nothing wraps or saturates but where it is written.
#include "random_12.h"

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

// net0_dense0: ufixed<4,0> of shape [6]
static void net0_dense0(const ap_int<7> x0[10], ap_uint<4> net0_dense0_out[6]) {
#pragma HLS INLINE
    for (int p0 = 0; p0 < 6; ++p0) {
#pragma HLS UNROLL
        ap_int<10> acc = 0;
        for (int r0 = 0; r0 < 10; ++r0) {
#pragma HLS UNROLL
            const ap_int<7> x0_2 = x0[r0];
            const ap_int<2> k = net0_dense0_weight[r0 * 6 + p0];
            const ap_int<8> product = x0_2 * k;
            acc += product;
        }
        const ap_int<4> k = net0_dense0_bias[p0];
        const ap_int<10> sum = acc + k;
        const ap_uint<3> k_2 = net0_dense0_amount_derived[p0];
        const ap_uint<6> k_3 = net0_dense0_half_derived[p0];
        const ap_uint<5> difference = k_3 - ap_uint<1>(1);
        const ap_int<5> shifted = sum >> k_2.to_int();
        const ap_uint<1> wrapped = ap_uint<1>(shifted);
        const ap_uint<6> sum_2 = difference + wrapped;
        const ap_int<10> sum_3 = sum + sum_2;
        const ap_int<6> shifted_2 = sum_3 >> k_2.to_int();
        const ap_uint<5> larger = shifted_2 < ap_int<2>(0) ? ap_uint<5>(0) : ap_uint<5>(shifted_2);
        const ap_uint<4> smaller = larger < ap_uint<4>(15) ? ap_uint<4>(larger) : ap_uint<4>(15);
        net0_dense0_out[p0] = smaller;
    }
}

}  // namespace layers

// main
void random_12(const ap_int<7> x0[10], ap_uint<4> y0[6]) {
#pragma HLS INTERFACE ap_vld port=x0
#pragma HLS ARRAY_RESHAPE variable=x0 complete dim=0
#pragma HLS INTERFACE ap_vld port=y0
#pragma HLS ARRAY_RESHAPE variable=y0 complete dim=0
#pragma HLS PIPELINE II=1
    layers::net0_dense0(x0, y0);
}
