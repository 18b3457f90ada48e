// Constants. Simulation takes a native type, which needs no constructor; hardware takes the bits that are needed.
#ifndef {{ guard }}
#define {{ guard }}

#include <ap_int.h>

#ifdef __SYNTHESIS__
#define NN2HDL_TABLE(bits, native) bits
#else
#define NN2HDL_TABLE(bits, native) native
#endif

namespace {{ namespace }} {
{% for table in tables %}
// {{ table.doc }}
static const NN2HDL_TABLE({{ table.bits }}, {{ table.storage }}) {{ table.name }}[{{ table.length }}] = {
{%- for line in table.lines %}
    {{ line }}
{%- endfor %}
};
{% endfor %}
}  // namespace {{ namespace }}

#endif
