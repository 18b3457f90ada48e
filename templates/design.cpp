// {{ doc }}: integer mantissas, exact widths; nothing wraps or saturates but where it is written.
#include "{{ top }}.h"

// In simulation arrays lie outside the stack; hardware has no stack.
#ifdef __SYNTHESIS__
#define NN2HDL_LOCAL
#else
#define NN2HDL_LOCAL static
#endif

#include "weights.h"

namespace {{ namespace }} {

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
{% for kernel in kernels %}
{{ kernel }}
{% endfor %}
{%- for block in blocks %}
{{ block }}
{% endfor %}
}  // namespace {{ namespace }}

{{ main }}
