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
    reg mux_88_q1;
    reg mux_88_q2;
    reg [1:0] u_conv1_y_q1;
    reg [1:0] u_conv1_2_y_q1;
    reg [1:0] u_conv1_3_y_q1;
    reg [1:0] u_conv1_y_q2;
    reg mux_128_q1;
    reg mux_128_q2;
    reg mux_128_q3;
    reg mux_128_q4;
    reg mux_128_q5;
    reg [1:0] mux_135_q1;
    reg [1:0] mux_138_q1;
    reg mux_4_q1;
    reg mux_4_q2;
    reg mux_4_q3;
    reg mux_4_q4;
    reg mux_4_q5;
    reg mux_4_q6;
    reg [1:0] state_148;
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
    wire [2:0] mux_83 = mux_79_q2 ? u_conv0_3_y_0_q2 : 3'd7;
    wire less_87 = (state_20 < 2'd3);
    wire mux_88 = less_87 ? 1'd1 : 1'd0;
    wire [2:0] mux_92 = mux_88_q2 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_94 = mux_79_q2 ? u_conv0_3_y_1_q2 : 3'd7;
    wire [2:0] mux_96 = mux_88_q2 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_98 = mux_88_q2 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_100 = mux_88_q2 ? u_conv0_3_y_0_q1 : 3'd7;
    wire [2:0] mux_102 = mux_88_q2 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_104 = mux_88_q2 ? u_conv0_3_y_1_q1 : 3'd7;
    wire [2:0] mux_106 = mux_88_q2 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_108 = mux_88_q2 ? u_conv0_3_y_0_q1 : 3'd7;
    wire [2:0] mux_110 = mux_88_q2 ? u_conv0_y[2:0] : 3'd7;
    wire [2:0] mux_112 = mux_88_q2 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_114 = mux_88_q2 ? u_conv0_3_y_1_q1 : 3'd7;
    wire [2:0] mux_116 = mux_88_q2 ? u_conv0_y[5:3] : 3'd7;
    wire less_127 = (state_20 < 2'd3);
    wire mux_128 = less_127 ? 1'd1 : 1'd0;
    wire [1:0] mux_135 = mux_128_q5 ? u_conv1_2_y_q1 : 2'd0;
    wire [1:0] mux_138 = mux_128_q5 ? u_conv1_3_y_q1 : 2'd0;
    wire less_149 = (2'd0 < state_148);
    wire mux_150 = less_149 ? 1'd1 : mux_4_q6;
    wire less_157 = (state_148 < 2'd3);
    wire [1:0] sum_158 = state_148 + 2'd1;
    wire [1:0] mux_159 = less_157 ? sum_158 : 2'd0;
    wire [1:0] mux_160 = mux_150 ? mux_159 : 2'd0;
    conv_0_10_3_conv0 u_conv0 (.x({mux_42, mux_40, x_0_q1}), .y(u_conv0_y));
    conv_0_10_3_conv0 u_conv0_2 (.x({mux_48, mux_46, mux_44}), .y(u_conv0_2_y));
    conv_0_10_3_conv0 u_conv0_3 (.x({mux_60, mux_52, mux_50}), .y(u_conv0_3_y));
    conv_0_10_3_conv1 u_conv1 (
        .clk(clk),
        .x({mux_96, u_conv0_y_1_q1, mux_94, mux_92, u_conv0_y_0_q1, mux_83}),
        .y(u_conv1_y)
    );
    conv_0_10_3_conv1 u_conv1_2 (
        .clk(clk),
        .x({mux_104, mux_102, u_conv0_y_1_q1, mux_100, mux_98, u_conv0_y_0_q1}),
        .y(u_conv1_2_y)
    );
    conv_0_10_3_conv1 u_conv1_3 (
        .clk(clk),
        .x({mux_116, mux_114, mux_112, mux_110, mux_108, mux_106}),
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
        mux_88_q1 <= mux_88;
        mux_88_q2 <= mux_88_q1;
        u_conv1_y_q1 <= u_conv1_y;
        u_conv1_2_y_q1 <= u_conv1_2_y;
        u_conv1_3_y_q1 <= u_conv1_3_y;
        u_conv1_y_q2 <= u_conv1_y_q1;
        mux_128_q1 <= mux_128;
        mux_128_q2 <= mux_128_q1;
        mux_128_q3 <= mux_128_q2;
        mux_128_q4 <= mux_128_q3;
        mux_128_q5 <= mux_128_q4;
        mux_135_q1 <= mux_135;
        mux_138_q1 <= mux_138;
        if (rst) begin
            state_2 <= 2'd0;
            state_20 <= 2'd0;
            mux_4_q1 <= 1'd0;
            mux_4_q2 <= 1'd0;
            mux_4_q3 <= 1'd0;
            mux_4_q4 <= 1'd0;
            mux_4_q5 <= 1'd0;
            mux_4_q6 <= 1'd0;
            state_148 <= 2'd0;
        end else begin
            state_2 <= mux_11;
            state_20 <= mux_32;
            mux_4_q1 <= mux_4;
            mux_4_q2 <= mux_4_q1;
            mux_4_q3 <= mux_4_q2;
            mux_4_q4 <= mux_4_q3;
            mux_4_q5 <= mux_4_q4;
            mux_4_q6 <= mux_4_q5;
            state_148 <= mux_160;
        end
    end
    assign out_valid = mux_150;
    assign y = {mux_138_q1, mux_135_q1, u_conv1_y_q2};
endmodule
