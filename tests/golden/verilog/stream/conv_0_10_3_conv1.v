// layer conv1: 6 inputs, 1 outputs, 2 register ranks
module conv_0_10_3_conv1 (
    input wire clk,
    input wire [17:0] x,
    output wire [1:0] y
);
    reg [2:0] x_3_q1;
    reg [2:0] x_5_q1;
    reg [2:0] x_2_q1;
    reg [4:0] diff_12_q1;
    reg [5:0] bits_20_q1;
    reg [6:0] sum_19_q1;
    wire [3:0] sum_8 = {x_3_q1[2], x_3_q1} + {x_5_q1[2], x_5_q1};
    wire [4:0] sum_10 = {{sum_8[3], sum_8[3:1]} + {x_2_q1[2], x_2_q1}, sum_8[0]};
    wire [3:0] sum_11 = {x[2], x[2:0]} + {x[14], x[14:12]};
    wire [4:0] diff_12 = {{sum_11[3], sum_11[3:1]} - {x[5], x[5:3]}, sum_11[0]};
    wire [5:0] diff_14 = {sum_10[4], sum_10} - {diff_12_q1[4], diff_12_q1};
    wire [6:0] diff_15 = {{diff_14[5], diff_14[5:2]} - sum_10, diff_14[1:0]};
    wire lut_18;
    nn2hdl_rom #(.WA(2), .WY(1), .DATA(4'h8)) u_lut_18 (.a(diff_15[1:0]), .y(lut_18));
    wire [6:0] sum_19 = {diff_15[6], diff_15[6:1]} + {6'd0, lut_18};
    wire less_23 = ($signed(bits_20_q1) < $signed(6'd63));
    wire [6:0] mux_26 = less_23 ? 7'd126 : sum_19_q1;
    wire less_29 = ($signed(mux_26[6:1]) < $signed(6'd1));
    wire [1:0] mux_30 = less_29 ? mux_26[1:0] : 2'd1;
    always @(posedge clk) begin
        x_3_q1 <= x[11:9];
        x_5_q1 <= x[17:15];
        x_2_q1 <= x[8:6];
        diff_12_q1 <= diff_12;
        bits_20_q1 <= sum_19[6:1];
        sum_19_q1 <= sum_19;
    end
    assign y = mux_30;
endmodule
