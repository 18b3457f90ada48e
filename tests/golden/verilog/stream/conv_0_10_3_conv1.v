// layer conv1: 6 inputs, 1 outputs, 2 register ranks
module conv_0_10_3_conv1 (
    input wire clk,
    input wire [17:0] x,
    output wire [1:0] y
);
    reg [2:0] x_2_q1;
    reg [3:0] sum_6_q1;
    reg [4:0] diff_11_q1;
    reg [6:0] sum_18_q1;
    wire [3:0] sum_6 = {x[11], x[11:9]} + {x[17], x[17:15]};
    wire [4:0] sum_9 = {{sum_6_q1[3], sum_6_q1[3:1]} + {x_2_q1[2], x_2_q1}, sum_6_q1[0]};
    wire [3:0] sum_10 = {x[2], x[2:0]} + {x[14], x[14:12]};
    wire [4:0] diff_11 = {{sum_10[3], sum_10[3:1]} - {x[5], x[5:3]}, sum_10[0]};
    wire [5:0] diff_13 = {sum_9[4], sum_9} - {diff_11_q1[4], diff_11_q1};
    wire [6:0] diff_14 = {{diff_13[5], diff_13[5:2]} - sum_9, diff_13[1:0]};
    wire lut_17;
    nn2hdl_rom #(.WA(2), .WY(1), .DATA(4'h8)) u_lut_17 (.a(diff_14[1:0]), .y(lut_17));
    wire [6:0] sum_18 = {diff_14[6], diff_14[6:1]} + {6'd0, lut_17};
    wire [6:0] max_21 = ($signed(sum_18_q1) < $signed(7'd126)) ? 7'd126 : sum_18_q1;
    wire [1:0] min_23 = ($signed(max_21) < $signed(7'd1)) ? max_21[1:0] : 2'd1;
    always @(posedge clk) begin
        x_2_q1 <= x[8:6];
        sum_6_q1 <= sum_6;
        diff_11_q1 <= diff_11;
        sum_18_q1 <= sum_18;
    end
    assign y = min_23;
endmodule
