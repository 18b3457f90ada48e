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
    reg mux_49_q1;
    reg [2:0] u_conv0_y_0_q1;
    reg [2:0] u_conv0_y_1_q1;
    reg [2:0] u_conv0_2_y_0_q1;
    reg [2:0] u_conv0_2_y_1_q1;
    reg [2:0] u_conv0_3_y_0_q1;
    reg [2:0] u_conv0_3_y_1_q1;
    reg [2:0] u_conv0_3_y_0_q2;
    reg [2:0] u_conv0_3_y_1_q2;
    reg mux_71_q1;
    reg mux_71_q2;
    reg mux_80_q1;
    reg mux_80_q2;
    reg [2:0] mux_75_q1;
    reg [2:0] u_conv0_y_0_q2;
    reg [2:0] mux_84_q1;
    reg [2:0] mux_86_q1;
    reg [2:0] u_conv0_y_1_q2;
    reg [2:0] mux_88_q1;
    reg [2:0] mux_90_q1;
    reg [2:0] mux_92_q1;
    reg [2:0] mux_94_q1;
    reg [2:0] mux_96_q1;
    reg [1:0] u_conv1_y_q1;
    reg [1:0] u_conv1_2_y_q1;
    reg [1:0] u_conv1_3_y_q1;
    reg [1:0] u_conv1_y_q2;
    reg mux_118_q1;
    reg mux_118_q2;
    reg mux_118_q3;
    reg mux_118_q4;
    reg mux_118_q5;
    reg [1:0] mux_125_q1;
    reg [1:0] mux_128_q1;
    reg mux_4_q1;
    reg mux_4_q2;
    reg mux_4_q3;
    reg mux_4_q4;
    reg mux_4_q5;
    reg mux_4_q6;
    reg [1:0] state_138;
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
    wire [1:0] mux_44 = mux_37_q1 ? x[1:0] : 2'd3;
    wire less_48 = (state_20 < 2'd2);
    wire mux_49 = less_48 ? 1'd1 : 1'd0;
    wire [1:0] mux_52 = mux_49_q1 ? x[3:2] : 2'd3;
    wire less_70 = (state_20 < 2'd1);
    wire mux_71 = less_70 ? 1'd0 : 1'd1;
    wire [2:0] mux_75 = mux_71_q2 ? u_conv0_3_y_0_q2 : 3'd7;
    wire less_79 = (state_20 < 2'd3);
    wire mux_80 = less_79 ? 1'd1 : 1'd0;
    wire [2:0] mux_84 = mux_80_q2 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_86 = mux_71_q2 ? u_conv0_3_y_1_q2 : 3'd7;
    wire [2:0] mux_88 = mux_80_q2 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_90 = mux_80_q2 ? u_conv0_3_y_0_q1 : 3'd7;
    wire [2:0] mux_92 = mux_80_q2 ? u_conv0_3_y_1_q1 : 3'd7;
    wire [2:0] mux_94 = mux_80_q2 ? u_conv0_y[2:0] : 3'd7;
    wire [2:0] mux_96 = mux_80_q2 ? u_conv0_y[5:3] : 3'd7;
    wire less_117 = (state_20 < 2'd3);
    wire mux_118 = less_117 ? 1'd1 : 1'd0;
    wire [1:0] mux_125 = mux_118_q5 ? u_conv1_2_y_q1 : 2'd0;
    wire [1:0] mux_128 = mux_118_q5 ? u_conv1_3_y_q1 : 2'd0;
    wire less_139 = (2'd0 < state_138);
    wire mux_140 = less_139 ? 1'd1 : mux_4_q6;
    wire less_147 = (state_138 < 2'd3);
    wire [1:0] sum_148 = state_138 + 2'd1;
    wire [1:0] mux_149 = less_147 ? sum_148 : 2'd0;
    wire [1:0] mux_150 = mux_140 ? mux_149 : 2'd0;
    conv_0_10_3_conv0 u_conv0 (.x({mux_42, mux_40, x_0_q1}), .y(u_conv0_y));
    conv_0_10_3_conv0 u_conv0_2 (.x({mux_44, mux_42, mux_40}), .y(u_conv0_2_y));
    conv_0_10_3_conv0 u_conv0_3 (.x({mux_52, mux_44, mux_42}), .y(u_conv0_3_y));
    conv_0_10_3_conv1 u_conv1 (
        .clk(clk),
        .x({mux_88_q1, u_conv0_y_1_q2, mux_86_q1, mux_84_q1, u_conv0_y_0_q2, mux_75_q1}),
        .y(u_conv1_y)
    );
    conv_0_10_3_conv1 u_conv1_2 (
        .clk(clk),
        .x({mux_92_q1, mux_88_q1, u_conv0_y_1_q2, mux_90_q1, mux_84_q1, u_conv0_y_0_q2}),
        .y(u_conv1_2_y)
    );
    conv_0_10_3_conv1 u_conv1_3 (
        .clk(clk),
        .x({mux_96_q1, mux_92_q1, mux_88_q1, mux_94_q1, mux_90_q1, mux_84_q1}),
        .y(u_conv1_3_y)
    );
    always @(posedge clk) begin
        x_0_q1 <= x[1:0];
        x_1_q1 <= x[3:2];
        x_2_q1 <= x[5:4];
        mux_37_q1 <= mux_37;
        mux_49_q1 <= mux_49;
        u_conv0_y_0_q1 <= u_conv0_y[2:0];
        u_conv0_y_1_q1 <= u_conv0_y[5:3];
        u_conv0_2_y_0_q1 <= u_conv0_2_y[2:0];
        u_conv0_2_y_1_q1 <= u_conv0_2_y[5:3];
        u_conv0_3_y_0_q1 <= u_conv0_3_y[2:0];
        u_conv0_3_y_1_q1 <= u_conv0_3_y[5:3];
        u_conv0_3_y_0_q2 <= u_conv0_3_y_0_q1;
        u_conv0_3_y_1_q2 <= u_conv0_3_y_1_q1;
        mux_71_q1 <= mux_71;
        mux_71_q2 <= mux_71_q1;
        mux_80_q1 <= mux_80;
        mux_80_q2 <= mux_80_q1;
        mux_75_q1 <= mux_75;
        u_conv0_y_0_q2 <= u_conv0_y_0_q1;
        mux_84_q1 <= mux_84;
        mux_86_q1 <= mux_86;
        u_conv0_y_1_q2 <= u_conv0_y_1_q1;
        mux_88_q1 <= mux_88;
        mux_90_q1 <= mux_90;
        mux_92_q1 <= mux_92;
        mux_94_q1 <= mux_94;
        mux_96_q1 <= mux_96;
        u_conv1_y_q1 <= u_conv1_y;
        u_conv1_2_y_q1 <= u_conv1_2_y;
        u_conv1_3_y_q1 <= u_conv1_3_y;
        u_conv1_y_q2 <= u_conv1_y_q1;
        mux_118_q1 <= mux_118;
        mux_118_q2 <= mux_118_q1;
        mux_118_q3 <= mux_118_q2;
        mux_118_q4 <= mux_118_q3;
        mux_118_q5 <= mux_118_q4;
        mux_125_q1 <= mux_125;
        mux_128_q1 <= mux_128;
        if (rst) begin
            state_2 <= 2'd0;
            state_20 <= 2'd0;
            mux_4_q1 <= 1'd0;
            mux_4_q2 <= 1'd0;
            mux_4_q3 <= 1'd0;
            mux_4_q4 <= 1'd0;
            mux_4_q5 <= 1'd0;
            mux_4_q6 <= 1'd0;
            state_138 <= 2'd0;
        end else begin
            state_2 <= mux_11;
            state_20 <= mux_32;
            mux_4_q1 <= mux_4;
            mux_4_q2 <= mux_4_q1;
            mux_4_q3 <= mux_4_q2;
            mux_4_q4 <= mux_4_q3;
            mux_4_q5 <= mux_4_q4;
            mux_4_q6 <= mux_4_q5;
            state_138 <= mux_150;
        end
    end
    assign out_valid = mux_140;
    assign y = {mux_128_q1, mux_125_q1, u_conv1_y_q2};
endmodule
