// layer conv0: 3 inputs, 2 outputs, 1 register ranks
module conv_0_10_3_conv0 (
    input wire clk,
    input wire [5:0] x,
    output wire [5:0] y
);
    reg [5:0] diff_4_q1;
    reg [5:0] sum_8_q1;
    wire [2:0] sum_3 = {x[1], x[1:0]} + {x[5], x[5:4]};
    wire [5:0] diff_4 = {{3{sum_3[2]}} - sum_3, sum_3};
    wire [2:0] sum_5 = {x[1], x[1:0]} + {x[3], x[3:2]};
    wire [4:0] diff_6 = {{3{x[3]}} - {x[5], x[5:4]}, x[3:2]};
    wire [5:0] sum_7 = {{{3{sum_3[2]}}, sum_3[2]} + {sum_5[2], sum_5}, sum_3[1:0]};
    wire [5:0] sum_8 = {diff_6[4], diff_6} + sum_7;
    wire [5:0] max_11 = ($signed(diff_4_q1) < $signed(6'd60)) ? 6'd60 : diff_4_q1;
    wire [2:0] min_13 = ($signed(max_11) < $signed(6'd3)) ? max_11[2:0] : 3'd3;
    wire [5:0] max_15 = ($signed(sum_8_q1) < $signed(6'd60)) ? 6'd60 : sum_8_q1;
    wire [2:0] min_16 = ($signed(max_15) < $signed(6'd3)) ? max_15[2:0] : 3'd3;
    always @(posedge clk) begin
        diff_4_q1 <= diff_4;
        sum_8_q1 <= sum_8;
    end
    assign y = {min_16, min_13};
endmodule
