// layer conv1: 6 inputs, 1 outputs, 2 register ranks
module conv_0_10_3_conv1 (
    input wire clk,
    input wire [17:0] x,
    output wire [1:0] y
);
    reg [2:0] x_2_q1;
    reg [3:0] sum_6_q1;
    reg [4:0] diff_11_q1;
    reg [5:0] max_20_q1;
    wire [3:0] sum_6;
    nn2hdl_add #(.WA(3), .SA(1), .WB(3), .SB(1), .HB(0), .SUB(0), .WY(4)) u_sum_6 (.a(x[11:9]), .b(x[17:15]), .y(sum_6));
    wire [4:0] sum_9;
    nn2hdl_add #(.WA(4), .SA(1), .WB(3), .SB(1), .HB(1), .SUB(0), .WY(5)) u_sum_9 (.a(sum_6_q1), .b(x_2_q1), .y(sum_9));
    wire [3:0] sum_10;
    nn2hdl_add #(.WA(3), .SA(1), .WB(3), .SB(1), .HB(0), .SUB(0), .WY(4)) u_sum_10 (.a(x[2:0]), .b(x[14:12]), .y(sum_10));
    wire [4:0] diff_11;
    nn2hdl_add #(.WA(4), .SA(1), .WB(3), .SB(1), .HB(1), .SUB(1), .WY(5)) u_diff_11 (.a(sum_10), .b(x[5:3]), .y(diff_11));
    wire [5:0] diff_13;
    nn2hdl_add #(.WA(5), .SA(1), .WB(5), .SB(1), .HB(0), .SUB(1), .WY(6)) u_diff_13 (
        .a(sum_9),
        .b(diff_11_q1),
        .y(diff_13)
    );
    wire [6:0] diff_14;
    nn2hdl_add #(.WA(6), .SA(1), .WB(5), .SB(0), .HB(2), .SUB(1), .WY(7)) u_diff_14 (.a(diff_13), .b(sum_9), .y(diff_14));
    wire [6:0] sum_17;
    nn2hdl_add #(.WA(7), .SA(0), .WB(1), .SB(0), .HB(0), .SUB(0), .WY(7)) u_sum_17 (
        .a(diff_14),
        .b(diff_14[1]),
        .y(sum_17)
    );
    wire [5:0] max_20 = ($signed(sum_17[6:1]) < $signed(6'd62)) ? 6'd62 : sum_17[6:1];
    wire [1:0] min_23 = ($signed(max_20_q1) < $signed(6'd1)) ? max_20_q1[1:0] : 2'd1;
    always @(posedge clk) begin
        x_2_q1 <= x[8:6];
        sum_6_q1 <= sum_6;
        diff_11_q1 <= diff_11;
        max_20_q1 <= max_20;
    end
    assign y = min_23;
    wire unused = &{1'b0, sum_17[0]};
endmodule
