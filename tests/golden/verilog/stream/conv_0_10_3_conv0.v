// layer conv0: 3 inputs, 2 outputs, 0 register ranks
module conv_0_10_3_conv0 (
    input wire [5:0] x,
    output wire [5:0] y
);
    wire [2:0] sum_2 = {x[1], x[1:0]} + {x[5], x[5:4]};
    wire [5:0] diff_3 = {{3{sum_2[2]}} - sum_2, sum_2};
    wire [2:0] sum_5 = {x[1], x[1:0]} + {x[3], x[3:2]};
    wire [4:0] diff_6 = {{3{x[3]}} - {x[5], x[5:4]}, x[3:2]};
    wire [5:0] sum_7 = {{{3{sum_2[2]}}, sum_2[2]} + {sum_5[2], sum_5}, sum_2[1:0]};
    wire [5:0] sum_8 = {diff_6[4], diff_6} + sum_7;
    wire less_11 = ($signed(diff_3[5:2]) < $signed(4'd15));
    wire [5:0] mux_13 = less_11 ? 6'd60 : diff_3;
    wire less_16 = ($signed(mux_13[5:2]) < $signed(4'd1));
    wire [2:0] mux_18 = less_16 ? mux_13[2:0] : 3'd3;
    wire less_20 = ($signed(sum_8[5:2]) < $signed(4'd15));
    wire [5:0] mux_21 = less_20 ? 6'd60 : sum_8;
    wire less_23 = ($signed(mux_21[5:2]) < $signed(4'd1));
    wire [2:0] mux_24 = less_23 ? mux_21[2:0] : 3'd3;
    assign y = {mux_24, mux_18};
endmodule
