// conv_0_10_3: latency 6 cycles, a new frame every 4
// made for 320 MHz (model, not placed and routed)
module conv_0_10_3 (
    input wire clk,
    input wire rst,
    input wire in_valid,
    input wire [5:0] x,
    output wire out_valid,
    output wire [5:0] y
);
    wire [5:0] u_conv0_y;
    wire [5:0] u_conv0_2_y;
    wire [5:0] u_conv0_3_y;
    wire [1:0] u_conv1_y;
    wire [1:0] u_conv1_2_y;
    wire [1:0] u_conv1_3_y;
    reg [1:0] state_2;
    reg [1:0] x_0_q1;
    reg [1:0] x_1_q1;
    reg [1:0] x_2_q1;
    reg [1:0] state_20;
    reg mux_37_q1;
    reg mux_57_q1;
    reg [2:0] u_conv0_y_0_q1;
    reg [2:0] u_conv0_y_1_q1;
    reg [2:0] u_conv0_2_y_0_q1;
    reg [2:0] u_conv0_2_y_1_q1;
    reg [2:0] u_conv0_3_y_0_q1;
    reg [2:0] u_conv0_3_y_1_q1;
    reg [2:0] u_conv0_3_y_0_q2;
    reg [2:0] u_conv0_3_y_1_q2;
    reg mux_79_q1;
    reg mux_79_q2;
    reg mux_79_q3;
    reg mux_89_q1;
    reg mux_89_q2;
    reg mux_89_q3;
    reg [1:0] u_conv1_y_q1;
    reg [1:0] u_conv1_2_y_q1;
    reg [1:0] u_conv1_3_y_q1;
    reg [1:0] u_conv1_y_q2;
    reg mux_130_q1;
    reg mux_130_q2;
    reg mux_130_q3;
    reg mux_130_q4;
    reg mux_130_q5;
    reg [1:0] mux_137_q1;
    reg [1:0] mux_140_q1;
    reg mux_4_q1;
    reg mux_4_q2;
    reg mux_4_q3;
    reg mux_4_q4;
    reg mux_4_q5;
    reg mux_4_q6;
    reg [1:0] state_150;
    wire less_3 = (2'd0 < state_2);
    wire mux_4 = less_3 ? 1'd0 : in_valid;
    wire less_8 = (state_2 < 2'd3);
    wire [1:0] sum_9 = state_2 + 2'd1;
    wire [1:0] mux_10 = less_8 ? sum_9 : 2'd0;
    wire [1:0] mux_11 = in_valid ? mux_10 : state_2;
    wire less_21 = (2'd0 < state_20);
    wire mux_22 = less_21 ? 1'd1 : mux_4;
    wire less_29 = (state_20 < 2'd3);
    wire [1:0] sum_30 = state_20 + 2'd1;
    wire [1:0] mux_31 = less_29 ? sum_30 : 2'd0;
    wire [1:0] mux_32 = mux_22 ? mux_31 : 2'd0;
    wire less_36 = (state_20 < 2'd3);
    wire mux_37 = less_36 ? 1'd1 : 1'd0;
    wire [1:0] mux_40 = mux_37_q1 ? x_1_q1 : 2'd3;
    wire [1:0] mux_42 = mux_37_q1 ? x_2_q1 : 2'd3;
    wire [1:0] mux_44 = mux_37_q1 ? x_1_q1 : 2'd3;
    wire [1:0] mux_46 = mux_37_q1 ? x_2_q1 : 2'd3;
    wire [1:0] mux_48 = mux_37_q1 ? x[1:0] : 2'd3;
    wire [1:0] mux_50 = mux_37_q1 ? x_2_q1 : 2'd3;
    wire [1:0] mux_52 = mux_37_q1 ? x[1:0] : 2'd3;
    wire less_56 = (state_20 < 2'd2);
    wire mux_57 = less_56 ? 1'd1 : 1'd0;
    wire [1:0] mux_60 = mux_57_q1 ? x[3:2] : 2'd3;
    wire less_78 = (state_20 < 2'd1);
    wire mux_79 = less_78 ? 1'd0 : 1'd1;
    wire [2:0] mux_84 = mux_79_q3 ? u_conv0_3_y_0_q2 : 3'd7;
    wire less_88 = (state_20 < 2'd3);
    wire mux_89 = less_88 ? 1'd1 : 1'd0;
    wire [2:0] mux_94 = mux_89_q3 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_96 = mux_79_q3 ? u_conv0_3_y_1_q2 : 3'd7;
    wire [2:0] mux_98 = mux_89_q3 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_100 = mux_89_q3 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_102 = mux_89_q3 ? u_conv0_3_y_0_q1 : 3'd7;
    wire [2:0] mux_104 = mux_89_q3 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_106 = mux_89_q3 ? u_conv0_3_y_1_q1 : 3'd7;
    wire [2:0] mux_108 = mux_89_q3 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_110 = mux_89_q3 ? u_conv0_3_y_0_q1 : 3'd7;
    wire [2:0] mux_112 = mux_89_q3 ? u_conv0_y[2:0] : 3'd7;
    wire [2:0] mux_114 = mux_89_q3 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_116 = mux_89_q3 ? u_conv0_3_y_1_q1 : 3'd7;
    wire [2:0] mux_118 = mux_89_q3 ? u_conv0_y[5:3] : 3'd7;
    wire less_129 = (state_20 < 2'd3);
    wire mux_130 = less_129 ? 1'd1 : 1'd0;
    wire [1:0] mux_137 = mux_130_q5 ? u_conv1_2_y_q1 : 2'd0;
    wire [1:0] mux_140 = mux_130_q5 ? u_conv1_3_y_q1 : 2'd0;
    wire less_151 = (2'd0 < state_150);
    wire mux_152 = less_151 ? 1'd1 : mux_4_q6;
    wire less_159 = (state_150 < 2'd3);
    wire [1:0] sum_160 = state_150 + 2'd1;
    wire [1:0] mux_161 = less_159 ? sum_160 : 2'd0;
    wire [1:0] mux_162 = mux_152 ? mux_161 : 2'd0;
    conv_0_10_3_conv0 u_conv0 (.clk(clk), .x({mux_42, mux_40, x_0_q1}), .y(u_conv0_y));
    conv_0_10_3_conv0 u_conv0_2 (.clk(clk), .x({mux_48, mux_46, mux_44}), .y(u_conv0_2_y));
    conv_0_10_3_conv0 u_conv0_3 (.clk(clk), .x({mux_60, mux_52, mux_50}), .y(u_conv0_3_y));
    conv_0_10_3_conv1 u_conv1 (
        .clk(clk),
        .x({mux_98, u_conv0_y_1_q1, mux_96, mux_94, u_conv0_y_0_q1, mux_84}),
        .y(u_conv1_y)
    );
    conv_0_10_3_conv1 u_conv1_2 (
        .clk(clk),
        .x({mux_106, mux_104, u_conv0_y_1_q1, mux_102, mux_100, u_conv0_y_0_q1}),
        .y(u_conv1_2_y)
    );
    conv_0_10_3_conv1 u_conv1_3 (
        .clk(clk),
        .x({mux_118, mux_116, mux_114, mux_112, mux_110, mux_108}),
        .y(u_conv1_3_y)
    );
    always @(posedge clk) begin
        x_0_q1 <= x[1:0];
        x_1_q1 <= x[3:2];
        x_2_q1 <= x[5:4];
        mux_37_q1 <= mux_37;
        mux_57_q1 <= mux_57;
        u_conv0_y_0_q1 <= u_conv0_y[2:0];
        u_conv0_y_1_q1 <= u_conv0_y[5:3];
        u_conv0_2_y_0_q1 <= u_conv0_2_y[2:0];
        u_conv0_2_y_1_q1 <= u_conv0_2_y[5:3];
        u_conv0_3_y_0_q1 <= u_conv0_3_y[2:0];
        u_conv0_3_y_1_q1 <= u_conv0_3_y[5:3];
        u_conv0_3_y_0_q2 <= u_conv0_3_y_0_q1;
        u_conv0_3_y_1_q2 <= u_conv0_3_y_1_q1;
        mux_79_q1 <= mux_79;
        mux_79_q2 <= mux_79_q1;
        mux_79_q3 <= mux_79_q2;
        mux_89_q1 <= mux_89;
        mux_89_q2 <= mux_89_q1;
        mux_89_q3 <= mux_89_q2;
        u_conv1_y_q1 <= u_conv1_y;
        u_conv1_2_y_q1 <= u_conv1_2_y;
        u_conv1_3_y_q1 <= u_conv1_3_y;
        u_conv1_y_q2 <= u_conv1_y_q1;
        mux_130_q1 <= mux_130;
        mux_130_q2 <= mux_130_q1;
        mux_130_q3 <= mux_130_q2;
        mux_130_q4 <= mux_130_q3;
        mux_130_q5 <= mux_130_q4;
        mux_137_q1 <= mux_137;
        mux_140_q1 <= mux_140;
        if (rst) begin
            state_2 <= 2'd0;
            state_20 <= 2'd0;
            mux_4_q1 <= 1'd0;
            mux_4_q2 <= 1'd0;
            mux_4_q3 <= 1'd0;
            mux_4_q4 <= 1'd0;
            mux_4_q5 <= 1'd0;
            mux_4_q6 <= 1'd0;
            state_150 <= 2'd0;
        end else begin
            state_2 <= mux_11;
            state_20 <= mux_32;
            mux_4_q1 <= mux_4;
            mux_4_q2 <= mux_4_q1;
            mux_4_q3 <= mux_4_q2;
            mux_4_q4 <= mux_4_q3;
            mux_4_q5 <= mux_4_q4;
            mux_4_q6 <= mux_4_q5;
            state_150 <= mux_162;
        end
    end
    assign out_valid = mux_152;
    assign y = {mux_140_q1, mux_137_q1, u_conv1_y_q2};
endmodule
