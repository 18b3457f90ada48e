// {{ doc }}
//
{%- for port in ports %}
// {{ port.name }}: {{ port.elements }} codes of {{ port.kind }}, {{ port.doc }}
{%- endfor %}
//
// Arrays hold integer codes, element 0 first. A port that is reshaped whole is one vector with element 0 in the low
// bits: the port of the same name of the Verilog module.
#ifndef {{ guard }}
#define {{ guard }}

#include <ap_int.h>

void {{ top }}({{ arguments }});

#endif
