// {{ doc }}
static void {{ name }}({{ arguments }}) {
{%- for pragma in pragmas %}
#pragma HLS {{ pragma }}
{%- endfor %}
{%- for one in positions %}
{{ one.indent }}for ({{ int }} {{ one.name }} = 0; {{ one.name }} < {{ one.extent }}; ++{{ one.name }}) {
{%- for pragma in one.pragmas %}
#pragma HLS {{ pragma }}
{%- endfor %}
{%- endfor %}
{%- if has_reduction %}
{{ indent }}{{ acc_kind }} acc = {{ acc_start }};
{%- for one in points %}
{{ one.indent }}for ({{ int }} {{ one.name }} = 0; {{ one.name }} < {{ one.extent }}; ++{{ one.name }}) {
{%- for pragma in one.pragmas %}
#pragma HLS {{ pragma }}
{%- endfor %}
{%- endfor %}
{%- for one in inside %}
{{ inner }}const {{ one.kind }} {{ one.name }} = {{ one.value }};
{%- endfor %}
{{ inner }}{{ update }};
{%- for indent in points_end %}
{{ indent }}}
{%- endfor %}
{%- endif %}
{%- for one in after %}
{{ indent }}const {{ one.kind }} {{ one.name }} = {{ one.value }};
{%- endfor %}
{{ indent }}{{ out }}[{{ position }}] = {{ result }};
{%- for indent in positions_end %}
{{ indent }}}
{%- endfor %}
}
