// layer conv0: 3 inputs, 2 outputs, 1 register ranks
module conv_0_10_3_conv0 (
    input wire clk,
    input wire [5:0] x,
    output wire [5:0] y
);
    reg [5:0] max_13_q1;
    reg [2:0] min_12_q1;
    wire [2:0] sum_3 = {x[1], x[1:0]} + {x[5], x[5:4]};
    wire [5:0] diff_4 = {{3{sum_3[2]}} - sum_3, sum_3};
    wire [2:0] sum_5 = {x[1], x[1:0]} + {x[3], x[3:2]};
    wire [4:0] diff_6 = {{3{x[3]}} - {x[5], x[5:4]}, x[3:2]};
    wire [5:0] sum_7 = {{{3{sum_3[2]}}, sum_3[2]} + {sum_5[2], sum_5}, sum_3[1:0]};
    wire [5:0] sum_8 = {diff_6[4], diff_6} + sum_7;
    wire [5:0] max_10 = ($signed(diff_4) < $signed(6'd60)) ? 6'd60 : diff_4;
    wire [2:0] min_12 = ($signed(max_10) < $signed(6'd3)) ? max_10[2:0] : 3'd3;
    wire [5:0] max_13 = ($signed(sum_8) < $signed(6'd60)) ? 6'd60 : sum_8;
    wire [2:0] min_15 = ($signed(max_13_q1) < $signed(6'd3)) ? max_13_q1[2:0] : 3'd3;
    always @(posedge clk) begin
        max_13_q1 <= max_13;
        min_12_q1 <= min_12;
    end
    assign y = {min_15, min_12_q1};
endmodule
