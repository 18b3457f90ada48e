{% for line in doc -%}
// {{ line }}
{% endfor -%}
module {{ name }} (
    input wire aclk,
    input wire aresetn,
    input wire s_axis_tvalid,
    output wire s_axis_tready,
    input wire {{ input_bus }}s_axis_tdata,
    input wire s_axis_tlast,
    output wire m_axis_tvalid,
    input wire m_axis_tready,
    output wire {{ output_bus }}m_axis_tdata,
    output wire m_axis_tlast,
    output wire error
);
    wire rst = !aresetn;
    wire core_valid;
    wire {{ input_range }}core_data;
    wire result_valid;
    wire {{ output_range }}result;
    wire {{ output_range }}m_data;
    nn2hdl_frames #({{ parameters }}) u_frames (
        .clk(aclk), .rst(rst), .s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data({{ payload }}),
        .s_last(s_axis_tlast), .m_valid(m_axis_tvalid), .m_ready(m_axis_tready), .m_data(m_data),
        .m_last(m_axis_tlast), .error(error), .core_valid(core_valid), .core_data(core_data),
        .result_valid(result_valid), .result(result)
    );
    {{ top }} u_core (
        .clk(aclk), .rst(rst), .in_valid(core_valid), .out_valid(result_valid)
{%- for connection in connections %},
        {{ connection }}
{%- endfor %}
    );
    assign m_axis_tdata = {{ result_bytes }};
{%- if has_unused %}
    wire unused = &{{ unused }};
{%- endif %}
endmodule
