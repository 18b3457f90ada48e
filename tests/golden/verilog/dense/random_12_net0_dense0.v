// layer net0_dense0: 10 inputs, 6 outputs, 1 register ranks
module random_12_net0_dense0 (
    input wire clk,
    input wire [69:0] x,
    output wire [22:0] y
);
    reg [9:0] sum_14_q1;
    reg bits_28_q1;
    reg [8:0] sum_42_q1;
    reg [8:0] sum_53_q1;
    reg [8:0] sum_66_q1;
    reg [4:0] bits_80_q1;
    reg [8:0] sum_88_q1;
    wire [7:0] diff_10 = {x[48], x[48:42]} - {x[6], x[6:0]};
    wire [7:0] diff_11 = {x[27], x[27:21]} - {x[13], x[13:7]};
    wire [7:0] diff_12 = {x[20], x[20:14]} - {x[34], x[34:28]};
    wire [8:0] sum_13 = {diff_10[7], diff_10} + {diff_11[7], diff_11};
    wire [9:0] sum_14 = {{2{diff_12[7]}}, diff_12} + {sum_13[8], sum_13};
    wire [7:0] sum_15 = {x[6], x[6:0]} + {x[20], x[20:14]};
    wire [8:0] diff_16 = {sum_15[7], sum_15} - {{2{x[55]}}, x[55:49]};
    wire [7:0] diff_17 = {x[27], x[27:21]} - {x[69], x[69:63]};
    wire [8:0] sum_18 = {diff_10[7], diff_10} + {diff_17[7], diff_17};
    wire [7:0] diff_19 = {x[48], x[48:42]} - {x[55], x[55:49]};
    wire [8:0] diff_20 = {diff_19[7], diff_19} - {diff_11[7], diff_11};
    wire [7:0] diff_21 = {x[55], x[55:49]} - {x[69], x[69:63]};
    wire [7:0] diff_22 = {x[41], x[41:35]} - {x[62], x[62:56]};
    wire [8:0] diff_23 = {diff_22[7], diff_22} - {{2{x[69]}}, x[69:63]};
    wire lut_25;
    nn2hdl_rom #(.WA(6), .WY(1), .DATA(64'hf000000000000000)) u_lut_25 (.a(sum_14[5:0]), .y(lut_25));
    wire [3:0] sum_27 = {3'd0, lut_25} + sum_14[9:6];
    wire [9:0] sum_31 = sum_14_q1 + {9'd0, bits_28_q1};
    wire [9:0] sum_33 = sum_31 + 10'd35;
    wire [2:0] max_36 = sum_33[9] ? 3'd0 : sum_33[8:6];
    wire lut_38;
    nn2hdl_rom #(.WA(4), .WY(1), .DATA(16'h0003)) u_lut_38 (.a(diff_16[3:0]), .y(lut_38));
    wire [4:0] sum_40 = {{4{lut_38}}, lut_38} + diff_16[8:4];
    wire [8:0] sum_42 = diff_16 + {8'd0, sum_40[0]};
    wire [8:0] sum_45 = sum_42_q1 + 9'd5;
    wire [3:0] max_47 = sum_45[8] ? 4'd0 : sum_45[7:4];
    wire lut_49;
    nn2hdl_rom #(.WA(4), .WY(1), .DATA(16'h8000)) u_lut_49 (.a(sum_18[3:0]), .y(lut_49));
    wire [5:0] sum_51 = {5'd0, lut_49} + {sum_18[8], sum_18[8:4]};
    wire [8:0] sum_53 = sum_18 + {8'd0, sum_51[0]};
    wire [9:0] sum_56 = {{sum_53_q1[8], sum_53_q1[8:3]} + 7'd1, sum_53_q1[2:0]};
    wire [4:0] max_58 = sum_56[9] ? 5'd0 : sum_56[8:4];
    wire [3:0] min_60 = (max_58 < 5'd15) ? max_58[3:0] : 4'd15;
    wire lut_62;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'he0000000)) u_lut_62 (.a(diff_20[4:0]), .y(lut_62));
    wire [4:0] sum_64 = {4'd0, lut_62} + {diff_20[8], diff_20[8:5]};
    wire [8:0] sum_66 = diff_20 + {8'd0, sum_64[0]};
    wire [9:0] sum_69 = {{sum_66_q1[8], sum_66_q1[8:1]} + 9'd9, sum_66_q1[0]};
    wire [3:0] max_71 = sum_69[9] ? 4'd0 : sum_69[8:5];
    wire lut_73;
    nn2hdl_rom #(.WA(4), .WY(1), .DATA(16'hf000)) u_lut_73 (.a(diff_21[3:0]), .y(lut_73));
    wire [4:0] sum_75 = {4'd0, lut_73} + {diff_21[7], diff_21[7:4]};
    wire [8:0] sum_77 = {diff_21[7], diff_21} + {8'd0, sum_75[0]};
    wire [8:0] sum_79 = sum_77 + 9'd11;
    wire [3:0] max_82 = bits_80_q1[4] ? 4'd0 : bits_80_q1[3:0];
    wire lut_84;
    nn2hdl_rom #(.WA(4), .WY(1), .DATA(16'h0001)) u_lut_84 (.a(diff_23[3:0]), .y(lut_84));
    wire [4:0] sum_86 = {{4{lut_84}}, lut_84} + diff_23[8:4];
    wire [8:0] sum_88 = diff_23 + {8'd0, sum_86[0]};
    wire [8:0] sum_91 = {sum_88_q1[8:1] + 8'd3, sum_88_q1[0]};
    wire [3:0] max_93 = sum_91[8] ? 4'd0 : sum_91[7:4];
    always @(posedge clk) begin
        sum_14_q1 <= sum_14;
        bits_28_q1 <= sum_27[0];
        sum_42_q1 <= sum_42;
        sum_53_q1 <= sum_53;
        sum_66_q1 <= sum_66;
        bits_80_q1 <= sum_79[8:4];
        sum_88_q1 <= sum_88;
    end
    assign y = {max_93, max_82, max_71, min_60, max_47, max_36};
    wire unused = &{1'b0, sum_27[3:1], sum_33[5:0], sum_40[4:1], sum_45[3:0], sum_51[5:1], sum_56[3:0], sum_64[4:1],
        sum_69[4:0], sum_75[4:1], sum_79[3:0], sum_86[4:1], sum_91[3:0]};
endmodule
