{% for line in doc -%}
// {{ line }}
{% endfor -%}
module {{ name }} (
    input wire ap_clk,
    input wire ap_rst,
    input wire ap_start,
    output wire ap_done,
    output wire ap_idle,
    output wire ap_ready
{%- for port in ports %},
    {{ port }}
{%- endfor %}
);
    wire {{ core_valid }};
    wire {{ result_valid }};
    nn2hdl_start #({{ parameters }}) {{ control }} (
        .clk(ap_clk), .rst(ap_rst), .start(ap_start), .done(ap_done), .idle(ap_idle), .ready(ap_ready),
        .core_valid({{ core_valid }}), .result_valid({{ result_valid }})
    );
    {{ top }} {{ core }} (
        .clk(ap_clk), .rst(ap_rst), .in_valid({{ core_valid }}), .out_valid({{ result_valid }})
{%- for connection in connections %},
        {{ connection }}
{%- endfor %}
    );
{%- for valid in valids %}
    assign {{ valid }} = {{ result_valid }};
{%- endfor %}
endmodule
