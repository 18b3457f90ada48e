{% for line in doc -%}
// {{ line }}
{% endfor -%}
module {{ name }} (
{%- for port in ports %}
    {{ port }}
{%- endfor %}
);
{%- for wire in declared %}
    {{ wire.kind }} {{ wire.range }}{{ wire.name }};
{%- endfor %}
{%- for cell in cells %}
{%- match cell %}
{%- when Cell::Expression { range, name, value } %}
    wire {{ range }}{{ name }} = {{ value }};
{%- when Cell::Block { range, name, instance } %}
    wire {{ range }}{{ name }};
    {{ instance }}
{%- endmatch %}
{%- endfor %}
{%- for instance in instances %}
    {{ instance }}
{%- endfor %}
{%- if has_registers %}
    always @(posedge clk) begin
{%- for (name, value) in registers %}
        {{ name }} <= {{ value }};
{%- endfor %}
{%- if has_resets %}
        if (rst) begin
{%- for (name, zero, _) in resets %}
            {{ name }} <= {{ zero }};
{%- endfor %}
        end else begin
{%- for (name, _, value) in resets %}
            {{ name }} <= {{ value }};
{%- endfor %}
        end
{%- endif %}
    end
{%- endif %}
{%- for (name, value) in outputs %}
    assign {{ name }} = {{ value }};
{%- endfor %}
{%- if has_unused %}
    wire unused = &{{ unused }};
{%- endif %}
endmodule
