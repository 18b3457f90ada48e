// layer net0_dense0: 10 inputs, 6 outputs, 1 register ranks
module random_12_net0_dense0 (
    input wire clk,
    input wire [69:0] x,
    output wire [22:0] y
);
    reg [3:0] sum_27_q1;
    reg bits_29_q1;
    reg [3:0] mux_40_q1;
    reg [3:0] mux_52_q1;
    reg [3:0] mux_59_q1;
    reg [3:0] mux_66_q1;
    reg [3:0] mux_73_q1;
    wire [7:0] diff_10 = {x[27], x[27:21]} - {x[13], x[13:7]};
    wire [7:0] diff_11 = {x[48], x[48:42]} - {x[6], x[6:0]};
    wire [7:0] diff_12 = {x[20], x[20:14]} - {x[34], x[34:28]};
    wire [8:0] sum_13 = {diff_10[7], diff_10} + {diff_11[7], diff_11};
    wire [9:0] sum_14 = {{2{diff_12[7]}}, diff_12} + {sum_13[8], sum_13};
    wire [7:0] sum_15 = {x[6], x[6:0]} + {x[20], x[20:14]};
    wire [8:0] diff_16 = {sum_15[7], sum_15} - {{2{x[55]}}, x[55:49]};
    wire [7:0] diff_17 = {x[27], x[27:21]} - {x[69], x[69:63]};
    wire [8:0] sum_18 = {diff_11[7], diff_11} + {diff_17[7], diff_17};
    wire [7:0] diff_19 = {x[48], x[48:42]} - {x[55], x[55:49]};
    wire [8:0] diff_20 = {diff_19[7], diff_19} - {diff_10[7], diff_10};
    wire [7:0] diff_21 = {x[55], x[55:49]} - {x[69], x[69:63]};
    wire [7:0] diff_22 = {x[41], x[41:35]} - {x[62], x[62:56]};
    wire [8:0] diff_23 = {diff_22[7], diff_22} - {{2{x[69]}}, x[69:63]};
    wire lut_26;
    random_12_net0_dense0_lut_26 u_lut_26 (.a(sum_14[6:0]), .y(lut_26));
    wire [3:0] sum_27 = sum_14[9:6] + {3'd0, lut_26};
    wire [2:0] mux_33 = bits_29_q1 ? 3'd0 : sum_27_q1[2:0];
    wire lut_36;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'hfc00f800)) u_lut_36 (.a(diff_16[4:0]), .y(lut_36));
    wire [4:0] sum_37 = diff_16[8:4] + {4'd0, lut_36};
    wire [3:0] mux_40 = sum_37[4] ? 4'd0 : sum_37[3:0];
    wire lut_43;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'hff80ff00)) u_lut_43 (.a(sum_18[4:0]), .y(lut_43));
    wire [5:0] sum_44 = {sum_18[8], sum_18[8:4]} + {5'd0, lut_43};
    wire [4:0] mux_47 = sum_44[5] ? 5'd0 : sum_44[4:0];
    wire less_50 = (mux_47[4] < 1'd1);
    wire [3:0] mux_52 = less_50 ? mux_47[3:0] : 4'd15;
    wire lut_55;
    nn2hdl_rom #(.WA(6), .WY(1), .DATA(64'hffffe000ffffc000)) u_lut_55 (.a(diff_20[5:0]), .y(lut_55));
    wire [4:0] sum_56 = {diff_20[8], diff_20[8:5]} + {4'd0, lut_55};
    wire [3:0] mux_59 = sum_56[4] ? 4'd0 : sum_56[3:0];
    wire lut_62;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'hfff0ffe0)) u_lut_62 (.a(diff_21[4:0]), .y(lut_62));
    wire [4:0] sum_63 = {diff_21[7], diff_21[7:4]} + {4'd0, lut_62};
    wire [3:0] mux_66 = sum_63[4] ? 4'd0 : sum_63[3:0];
    wire lut_69;
    nn2hdl_rom #(.WA(5), .WY(1), .DATA(32'hfe00fc00)) u_lut_69 (.a(diff_23[4:0]), .y(lut_69));
    wire [4:0] sum_70 = diff_23[8:4] + {4'd0, lut_69};
    wire [3:0] mux_73 = sum_70[4] ? 4'd0 : sum_70[3:0];
    always @(posedge clk) begin
        sum_27_q1 <= sum_27;
        bits_29_q1 <= sum_27[3];
        mux_40_q1 <= mux_40;
        mux_52_q1 <= mux_52;
        mux_59_q1 <= mux_59;
        mux_66_q1 <= mux_66;
        mux_73_q1 <= mux_73;
    end
    assign y = {mux_73_q1, mux_66_q1, mux_59_q1, mux_52_q1, mux_40_q1, mux_33};
    wire unused = &{1'b0, sum_27_q1[3]};
endmodule
