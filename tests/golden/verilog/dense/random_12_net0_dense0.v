// layer net0_dense0: 10 inputs, 6 outputs, 1 register ranks
module random_12_net0_dense0 (
    input wire clk,
    input wire [69:0] x,
    output wire [22:0] y
);
    reg [9:0] sum_28_q1;
    reg [4:0] bits_42_q1;
    reg [5:0] bits_52_q1;
    reg [4:0] bits_64_q1;
    reg [4:0] bits_82_q1;
    reg [3:0] max_74_q1;
    wire [7:0] diff_10;
    nn2hdl_add #(.WA(7), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(8)) u_diff_10 (
        .a(x[48:42]),
        .b(x[6:0]),
        .y(diff_10)
    );
    wire [7:0] diff_11;
    nn2hdl_add #(.WA(7), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(8)) u_diff_11 (
        .a(x[13:7]),
        .b(x[27:21]),
        .y(diff_11)
    );
    wire [7:0] diff_12;
    nn2hdl_add #(.WA(7), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(8)) u_diff_12 (
        .a(x[20:14]),
        .b(x[34:28]),
        .y(diff_12)
    );
    wire [8:0] diff_13;
    nn2hdl_add #(.WA(8), .SA(1), .WB(8), .SB(1), .HB(0), .SUB(1), .WY(9)) u_diff_13 (
        .a(diff_10),
        .b(diff_11),
        .y(diff_13)
    );
    wire [9:0] sum_14;
    nn2hdl_add #(.WA(8), .SA(1), .WB(9), .SB(1), .HB(0), .SUB(0), .WY(10)) u_sum_14 (
        .a(diff_12),
        .b(diff_13),
        .y(sum_14)
    );
    wire [7:0] sum_15;
    nn2hdl_add #(.WA(7), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(0), .WY(8)) u_sum_15 (.a(x[6:0]), .b(x[20:14]), .y(sum_15));
    wire [8:0] diff_16;
    nn2hdl_add #(.WA(8), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(9)) u_diff_16 (
        .a(sum_15),
        .b(x[55:49]),
        .y(diff_16)
    );
    wire [7:0] diff_17;
    nn2hdl_add #(.WA(7), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(8)) u_diff_17 (
        .a(x[27:21]),
        .b(x[69:63]),
        .y(diff_17)
    );
    wire [8:0] sum_18;
    nn2hdl_add #(.WA(8), .SA(1), .WB(8), .SB(1), .HB(0), .SUB(0), .WY(9)) u_sum_18 (.a(diff_10), .b(diff_17), .y(sum_18));
    wire [7:0] diff_19;
    nn2hdl_add #(.WA(7), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(8)) u_diff_19 (
        .a(x[48:42]),
        .b(x[55:49]),
        .y(diff_19)
    );
    wire [8:0] sum_20;
    nn2hdl_add #(.WA(8), .SA(1), .WB(8), .SB(1), .HB(0), .SUB(0), .WY(9)) u_sum_20 (.a(diff_11), .b(diff_19), .y(sum_20));
    wire [7:0] diff_21;
    nn2hdl_add #(.WA(7), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(8)) u_diff_21 (
        .a(x[55:49]),
        .b(x[69:63]),
        .y(diff_21)
    );
    wire [7:0] diff_22;
    nn2hdl_add #(.WA(7), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(8)) u_diff_22 (
        .a(x[41:35]),
        .b(x[62:56]),
        .y(diff_22)
    );
    wire [8:0] diff_23;
    nn2hdl_add #(.WA(8), .SA(1), .WB(7), .SB(1), .HB(0), .SUB(1), .WY(9)) u_diff_23 (
        .a(diff_22),
        .b(x[69:63]),
        .y(diff_23)
    );
    wire [9:0] sum_25;
    nn2hdl_add #(.WA(10), .SA(0), .WB(1), .SB(0), .HB(2), .SUB(0), .WY(10)) u_sum_25 (.a(sum_14), .b(1'd1), .y(sum_25));
    wire [9:0] sum_28;
    nn2hdl_add #(.WA(10), .SA(0), .WB(1), .SB(0), .HB(0), .SUB(0), .WY(10)) u_sum_28 (
        .a(sum_14),
        .b(sum_25[6]),
        .y(sum_28)
    );
    wire [9:0] sum_31;
    nn2hdl_add #(.WA(10), .SA(0), .WB(6), .SB(0), .HB(0), .SUB(0), .WY(10)) u_sum_31 (
        .a(sum_28_q1),
        .b(6'd35),
        .y(sum_31)
    );
    wire [2:0] max_34 = sum_31[9] ? 3'd0 : sum_31[8:6];
    wire [8:0] sum_36;
    nn2hdl_add #(.WA(9), .SA(0), .WB(1), .SB(1), .HB(1), .SUB(0), .WY(9)) u_sum_36 (.a(diff_16), .b(1'd1), .y(sum_36));
    wire [8:0] sum_39;
    nn2hdl_add #(.WA(9), .SA(0), .WB(1), .SB(0), .HB(0), .SUB(0), .WY(9)) u_sum_39 (
        .a(diff_16),
        .b(sum_36[4]),
        .y(sum_39)
    );
    wire [8:0] sum_41;
    nn2hdl_add #(.WA(9), .SA(0), .WB(3), .SB(0), .HB(0), .SUB(0), .WY(9)) u_sum_41 (.a(sum_39), .b(3'd5), .y(sum_41));
    wire [3:0] max_44 = bits_42_q1[4] ? 4'd0 : bits_42_q1[3:0];
    wire [8:0] sum_46;
    nn2hdl_add #(.WA(9), .SA(0), .WB(1), .SB(0), .HB(0), .SUB(0), .WY(9)) u_sum_46 (.a(sum_18), .b(1'd1), .y(sum_46));
    wire [8:0] sum_49;
    nn2hdl_add #(.WA(9), .SA(0), .WB(1), .SB(0), .HB(0), .SUB(0), .WY(9)) u_sum_49 (
        .a(sum_18),
        .b(sum_46[4]),
        .y(sum_49)
    );
    wire [9:0] sum_51;
    nn2hdl_add #(.WA(9), .SA(1), .WB(1), .SB(0), .HB(3), .SUB(0), .WY(10)) u_sum_51 (.a(sum_49), .b(1'd1), .y(sum_51));
    wire [4:0] max_54 = bits_52_q1[5] ? 5'd0 : bits_52_q1[4:0];
    wire [3:0] min_56 = (max_54 < 5'd15) ? max_54[3:0] : 4'd15;
    wire [9:0] sum_58;
    nn2hdl_add #(.WA(9), .SA(1), .WB(2), .SB(0), .HB(0), .SUB(0), .WY(10)) u_sum_58 (.a(sum_20), .b(2'd3), .y(sum_58));
    wire [8:0] sum_61;
    nn2hdl_add #(.WA(9), .SA(0), .WB(1), .SB(0), .HB(0), .SUB(0), .WY(9)) u_sum_61 (
        .a(sum_20),
        .b(sum_58[5]),
        .y(sum_61)
    );
    wire [9:0] sum_63;
    nn2hdl_add #(.WA(9), .SA(1), .WB(4), .SB(0), .HB(1), .SUB(0), .WY(10)) u_sum_63 (.a(sum_61), .b(4'd9), .y(sum_63));
    wire [3:0] max_66 = bits_64_q1[4] ? 4'd0 : bits_64_q1[3:0];
    wire [8:0] sum_67;
    nn2hdl_add #(.WA(8), .SA(1), .WB(1), .SB(0), .HB(2), .SUB(0), .WY(9)) u_sum_67 (.a(diff_21), .b(1'd1), .y(sum_67));
    wire [8:0] sum_70;
    nn2hdl_add #(.WA(8), .SA(1), .WB(1), .SB(0), .HB(0), .SUB(0), .WY(9)) u_sum_70 (
        .a(diff_21),
        .b(sum_67[4]),
        .y(sum_70)
    );
    wire [8:0] sum_72;
    nn2hdl_add #(.WA(9), .SA(0), .WB(4), .SB(0), .HB(0), .SUB(0), .WY(9)) u_sum_72 (.a(sum_70), .b(4'd11), .y(sum_72));
    wire [3:0] max_74 = sum_72[8] ? 4'd0 : sum_72[7:4];
    wire [8:0] sum_76;
    nn2hdl_add #(.WA(9), .SA(0), .WB(1), .SB(1), .HB(0), .SUB(0), .WY(9)) u_sum_76 (.a(diff_23), .b(1'd1), .y(sum_76));
    wire [8:0] sum_79;
    nn2hdl_add #(.WA(9), .SA(0), .WB(1), .SB(0), .HB(0), .SUB(0), .WY(9)) u_sum_79 (
        .a(diff_23),
        .b(sum_76[4]),
        .y(sum_79)
    );
    wire [8:0] sum_81;
    nn2hdl_add #(.WA(9), .SA(0), .WB(2), .SB(0), .HB(1), .SUB(0), .WY(9)) u_sum_81 (.a(sum_79), .b(2'd3), .y(sum_81));
    wire [3:0] max_84 = bits_82_q1[4] ? 4'd0 : bits_82_q1[3:0];
    always @(posedge clk) begin
        sum_28_q1 <= sum_28;
        bits_42_q1 <= sum_41[8:4];
        bits_52_q1 <= sum_51[9:4];
        bits_64_q1 <= sum_63[9:5];
        bits_82_q1 <= sum_81[8:4];
        max_74_q1 <= max_74;
    end
    assign y = {max_84, max_74_q1, max_66, min_56, max_44, max_34};
    wire unused = &{1'b0, sum_25[5:0], sum_25[9:7], sum_31[5:0], sum_36[3:0], sum_36[8:5], sum_41[3:0], sum_46[3:0],
        sum_46[8:5], sum_51[3:0], sum_58[4:0], sum_58[9:6], sum_63[4:0], sum_67[3:0], sum_67[8:5],
        sum_72[3:0], sum_76[3:0], sum_76[8:5], sum_81[3:0]};
endmodule
