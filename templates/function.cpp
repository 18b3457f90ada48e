// {{ doc }}
void {{ name }}({{ arguments }}) {
{%- for pragma in pragmas %}
#pragma HLS {{ pragma }}
{%- endfor %}
{%- for local in locals %}
    NN2HDL_LOCAL {{ local.declaration }};
{%- for pragma in local.pragmas %}
#pragma HLS {{ pragma }}
{%- endfor %}
{%- endfor %}
{%- for call in calls %}
    {{ call }};
{%- endfor %}
{%- if repeats %}
    for (int n = 0; n < {{ repeat }}; ++n) {
{%- for pragma in repeat_pragmas %}
#pragma HLS {{ pragma }}
{%- endfor %}
{%- for call in repeated %}
        {{ call }};
{%- endfor %}
    }
{%- endif %}
}
