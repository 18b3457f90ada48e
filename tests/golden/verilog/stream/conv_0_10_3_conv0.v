// layer conv0: 3 inputs, 2 outputs, 1 register ranks
module conv_0_10_3_conv0 (
    input wire clk,
    input wire [5:0] x,
    output wire [5:0] y
);
    reg [5:0] diff_4_q1;
    reg [5:0] sum_8_q1;
    wire [2:0] sum_3;
    nn2hdl_add #(.WA(2), .SA(1), .WB(2), .SB(1), .HB(0), .SUB(0), .WY(3)) u_sum_3 (.a(x[1:0]), .b(x[5:4]), .y(sum_3));
    wire [5:0] diff_4;
    nn2hdl_add #(.WA(3), .SA(1), .WB(3), .SB(0), .HB(3), .SUB(1), .WY(6)) u_diff_4 (.a(sum_3), .b(sum_3), .y(diff_4));
    wire [2:0] sum_5;
    nn2hdl_add #(.WA(2), .SA(1), .WB(2), .SB(1), .HB(0), .SUB(0), .WY(3)) u_sum_5 (.a(x[1:0]), .b(x[3:2]), .y(sum_5));
    wire [4:0] diff_6;
    nn2hdl_add #(.WA(2), .SA(1), .WB(2), .SB(1), .HB(2), .SUB(1), .WY(5)) u_diff_6 (.a(x[3:2]), .b(x[5:4]), .y(diff_6));
    wire [5:0] sum_7;
    nn2hdl_add #(.WA(3), .SA(1), .WB(3), .SB(1), .HB(2), .SUB(0), .WY(6)) u_sum_7 (.a(sum_3), .b(sum_5), .y(sum_7));
    wire [5:0] sum_8;
    nn2hdl_add #(.WA(5), .SA(1), .WB(6), .SB(0), .HB(0), .SUB(0), .WY(6)) u_sum_8 (.a(diff_6), .b(sum_7), .y(sum_8));
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
