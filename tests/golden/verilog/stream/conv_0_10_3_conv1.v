// layer conv1: 6 inputs, 1 outputs, 1 register ranks
module conv_0_10_3_conv1 (
    input wire clk,
    input wire [17:0] x,
    output wire [1:0] y
);
    reg [5:0] diff_10_q1;
    reg [4:0] sum_7_q1;
    wire [3:0] sum_6 = {x[11], x[11:9]} + {x[17], x[17:15]};
    wire [4:0] sum_7 = {{sum_6[3], sum_6[3:1]} + {x[8], x[8:6]}, sum_6[0]};
    wire [3:0] sum_8 = {x[2], x[2:0]} + {x[14], x[14:12]};
    wire [4:0] diff_9 = {{sum_8[3], sum_8[3:1]} - {x[5], x[5:3]}, sum_8[0]};
    wire [5:0] diff_10 = {sum_7[4], sum_7} - {diff_9[4], diff_9};
    wire [6:0] diff_13 = {{diff_10_q1[5], diff_10_q1[5:2]} - sum_7_q1, diff_10_q1[1:0]};
    wire lut_16;
    nn2hdl_rom #(.WA(2), .WY(1), .DATA(4'h8)) u_lut_16 (.a(diff_13[1:0]), .y(lut_16));
    wire [6:0] sum_17 = {diff_13[6], diff_13[6:1]} + {6'd0, lut_16};
    wire [6:0] max_19 = ($signed(sum_17) < $signed(7'd126)) ? 7'd126 : sum_17;
    wire [1:0] min_21 = ($signed(max_19) < $signed(7'd1)) ? max_19[1:0] : 2'd1;
    always @(posedge clk) begin
        diff_10_q1 <= diff_10;
        sum_7_q1 <= sum_7;
    end
    assign y = min_21;
endmodule
