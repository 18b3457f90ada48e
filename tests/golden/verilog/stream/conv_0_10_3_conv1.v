// layer conv1: 6 inputs, 1 outputs, 2 register ranks
module conv_0_10_3_conv1 (
    input wire clk,
    input wire [17:0] x,
    output wire [1:0] y
);
    reg [6:0] sum_15_q1;
    wire [3:0] sum_2 = {x[11], x[11:9]} + {x[17], x[17:15]};
    wire [4:0] sum_4 = {{sum_2[3], sum_2[3:1]} + {x[8], x[8:6]}, sum_2[0]};
    wire [3:0] sum_7 = {x[2], x[2:0]} + {x[14], x[14:12]};
    wire [4:0] diff_9 = {{sum_7[3], sum_7[3:1]} - {x[5], x[5:3]}, sum_7[0]};
    wire [5:0] diff_10 = {sum_4[4], sum_4} - {diff_9[4], diff_9};
    wire [6:0] diff_11 = {{diff_10[5], diff_10[5:2]} - sum_4, diff_10[1:0]};
    wire lut_13;
    nn2hdl_rom #(.WA(2), .WY(1), .DATA(4'h8)) u_lut_13 (.a(diff_11[1:0]), .y(lut_13));
    wire [6:0] sum_15 = {diff_11[6], diff_11[6:1]} + {6'd0, lut_13};
    wire less_19 = ($signed(sum_15_q1[6:1]) < $signed(6'd63));
    wire [6:0] mux_21 = less_19 ? 7'd126 : sum_15_q1;
    wire less_24 = ($signed(mux_21[6:1]) < $signed(6'd1));
    wire [1:0] mux_25 = less_24 ? mux_21[1:0] : 2'd1;
    always @(posedge clk) begin
        sum_15_q1 <= sum_15;
    end
    assign y = mux_25;
endmodule
