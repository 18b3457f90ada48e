// layer net0_dense0: 10 inputs, 6 outputs, 1 register ranks
module random_12_net0_dense0 (
    input wire clk,
    input wire [69:0] x,
    output wire [22:0] y
);
    reg [3:0] sum_27_q1;
    reg [3:0] mux_39_q1;
    reg [3:0] mux_51_q1;
    reg [3:0] mux_58_q1;
    reg [3:0] mux_65_q1;
    reg [3:0] mux_72_q1;
    wire [7:0] diff_2 = {x[48], x[48:42]} - {x[6], x[6:0]};
    wire [7:0] diff_5 = {x[27], x[27:21]} - {x[13], x[13:7]};
    wire [7:0] diff_8 = {x[20], x[20:14]} - {x[34], x[34:28]};
    wire [8:0] sum_9 = {diff_2[7], diff_2} + {diff_5[7], diff_5};
    wire [9:0] sum_10 = {{2{diff_8[7]}}, diff_8} + {sum_9[8], sum_9};
    wire [7:0] sum_11 = {x[6], x[6:0]} + {x[20], x[20:14]};
    wire [8:0] diff_13 = {sum_11[7], sum_11} - {{2{x[55]}}, x[55:49]};
    wire [7:0] diff_15 = {x[27], x[27:21]} - {x[69], x[69:63]};
    wire [8:0] sum_16 = {diff_2[7], diff_2} + {diff_15[7], diff_15};
    wire [7:0] diff_17 = {x[48], x[48:42]} - {x[55], x[55:49]};
    wire [8:0] diff_18 = {diff_17[7], diff_17} - {diff_5[7], diff_5};
    wire [7:0] diff_19 = {x[55], x[55:49]} - {x[69], x[69:63]};
    wire [7:0] diff_22 = {x[41], x[41:35]} - {x[62], x[62:56]};
    wire [8:0] diff_23 = {diff_22[7], diff_22} - {{2{x[69]}}, x[69:63]};
    wire lut_25;
    random_12_net0_dense0_lut_25 u_lut_25 (.a(sum_10[6:0]), .y(lut_25));
    wire [3:0] sum_27 = sum_10[9:6] + {3'd0, lut_25};
    wire [2:0] mux_32 = sum_27_q1[3] ? 3'd0 : sum_27_q1[2:0];
    wire lut_34;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'hfc00f800)) u_lut_34 (.a(diff_13[4:0]), .y(lut_34));
    wire [4:0] sum_36 = diff_13[8:4] + {4'd0, lut_34};
    wire [3:0] mux_39 = sum_36[4] ? 4'd0 : sum_36[3:0];
    wire lut_41;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'hff80ff00)) u_lut_41 (.a(sum_16[4:0]), .y(lut_41));
    wire [5:0] sum_43 = {sum_16[8], sum_16[8:4]} + {5'd0, lut_41};
    wire [4:0] mux_46 = sum_43[5] ? 5'd0 : sum_43[4:0];
    wire less_49 = (mux_46[4] < 1'd1);
    wire [3:0] mux_51 = less_49 ? mux_46[3:0] : 4'd15;
    wire lut_53;
    nn2hdl_rom #(.WA(6), .WY(1), .DATA(64'hffffe000ffffc000)) u_lut_53 (.a(diff_18[5:0]), .y(lut_53));
    wire [4:0] sum_55 = {diff_18[8], diff_18[8:5]} + {4'd0, lut_53};
    wire [3:0] mux_58 = sum_55[4] ? 4'd0 : sum_55[3:0];
    wire lut_60;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'hfff0ffe0)) u_lut_60 (.a(diff_19[4:0]), .y(lut_60));
    wire [4:0] sum_62 = {diff_19[7], diff_19[7:4]} + {4'd0, lut_60};
    wire [3:0] mux_65 = sum_62[4] ? 4'd0 : sum_62[3:0];
    wire lut_67;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'hfe00fc00)) u_lut_67 (.a(diff_23[4:0]), .y(lut_67));
    wire [4:0] sum_69 = diff_23[8:4] + {4'd0, lut_67};
    wire [3:0] mux_72 = sum_69[4] ? 4'd0 : sum_69[3:0];
    always @(posedge clk) begin
        sum_27_q1 <= sum_27;
        mux_39_q1 <= mux_39;
        mux_51_q1 <= mux_51;
        mux_58_q1 <= mux_58;
        mux_65_q1 <= mux_65;
        mux_72_q1 <= mux_72;
    end
    assign y = {mux_72_q1, mux_65_q1, mux_58_q1, mux_51_q1, mux_39_q1, mux_32};
endmodule
