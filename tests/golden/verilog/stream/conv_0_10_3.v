// conv_0_10_3: latency 7 cycles, a new frame every 4
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
    reg [1:0] x_0_q1;
    reg [1:0] x_1_q1;
    reg in_valid_q1;
    reg [1:0] state_8;
    reg [1:0] x_2_q1;
    reg [2:0] u_conv0_3_y_0_q1;
    reg [2:0] u_conv0_3_y_0_q2;
    reg in_valid_q2;
    reg in_valid_q3;
    reg [1:0] state_47;
    reg [2:0] u_conv0_y_0_q1;
    reg [2:0] u_conv0_2_y_0_q1;
    reg [2:0] u_conv0_3_y_1_q1;
    reg [2:0] u_conv0_3_y_1_q2;
    reg [2:0] u_conv0_y_1_q1;
    reg [2:0] u_conv0_2_y_1_q1;
    reg [1:0] u_conv1_y_q1;
    reg [1:0] u_conv1_2_y_q1;
    reg [1:0] u_conv1_3_y_q1;
    reg [1:0] u_conv1_y_q2;
    reg in_valid_q4;
    reg in_valid_q5;
    reg in_valid_q6;
    reg [1:0] state_103;
    reg [1:0] mux_113_q1;
    reg [1:0] mux_116_q1;
    reg in_valid_q7;
    wire less_12 = (state_8 < 2'd3);
    wire [1:0] sum_13 = state_8 + 2'd1;
    wire [1:0] mux_14 = less_12 ? sum_13 : 2'd0;
    wire [1:0] mux_15 = in_valid_q1 ? mux_14 : state_8;
    wire less_17 = (state_8 < 2'd3);
    wire [1:0] mux_18 = less_17 ? x_1_q1 : 2'd3;
    wire [1:0] mux_21 = less_17 ? x_2_q1 : 2'd3;
    wire [1:0] mux_23 = less_17 ? x_1_q1 : 2'd3;
    wire [1:0] mux_25 = less_17 ? x_2_q1 : 2'd3;
    wire [1:0] mux_27 = less_17 ? x[1:0] : 2'd3;
    wire [1:0] mux_29 = less_17 ? x_2_q1 : 2'd3;
    wire [1:0] mux_31 = less_17 ? x[1:0] : 2'd3;
    wire less_34 = (state_8 < 2'd2);
    wire [1:0] mux_35 = less_34 ? x[3:2] : 2'd3;
    wire less_51 = (state_47 < 2'd3);
    wire [1:0] sum_52 = state_47 + 2'd1;
    wire [1:0] mux_53 = less_51 ? sum_52 : 2'd0;
    wire [1:0] mux_54 = in_valid_q3 ? mux_53 : state_47;
    wire less_56 = (state_47 < 2'd1);
    wire [2:0] mux_57 = less_56 ? 3'd7 : u_conv0_3_y_0_q2;
    wire less_62 = (state_47 < 2'd3);
    wire [2:0] mux_63 = less_62 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_67 = less_56 ? 3'd7 : u_conv0_3_y_1_q2;
    wire [2:0] mux_71 = less_62 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_73 = less_62 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_75 = less_62 ? u_conv0_3_y_0_q1 : 3'd7;
    wire [2:0] mux_77 = less_62 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_79 = less_62 ? u_conv0_3_y_1_q1 : 3'd7;
    wire [2:0] mux_81 = less_62 ? u_conv0_2_y_0_q1 : 3'd7;
    wire [2:0] mux_83 = less_62 ? u_conv0_3_y_0_q1 : 3'd7;
    wire [2:0] mux_85 = less_62 ? u_conv0_y[2:0] : 3'd7;
    wire [2:0] mux_87 = less_62 ? u_conv0_2_y_1_q1 : 3'd7;
    wire [2:0] mux_89 = less_62 ? u_conv0_3_y_1_q1 : 3'd7;
    wire [2:0] mux_91 = less_62 ? u_conv0_y[5:3] : 3'd7;
    wire less_107 = (state_103 < 2'd3);
    wire [1:0] sum_108 = state_103 + 2'd1;
    wire [1:0] mux_109 = less_107 ? sum_108 : 2'd0;
    wire [1:0] mux_110 = in_valid_q6 ? mux_109 : state_103;
    wire less_112 = (state_103 < 2'd3);
    wire [1:0] mux_113 = less_112 ? u_conv1_2_y_q1 : 2'd0;
    wire [1:0] mux_116 = less_112 ? u_conv1_3_y_q1 : 2'd0;
    conv_0_10_3_conv0 u_conv0 (.clk(clk), .x({mux_21, mux_18, x_0_q1}), .y(u_conv0_y));
    conv_0_10_3_conv0 u_conv0_2 (.clk(clk), .x({mux_27, mux_25, mux_23}), .y(u_conv0_2_y));
    conv_0_10_3_conv0 u_conv0_3 (.clk(clk), .x({mux_35, mux_31, mux_29}), .y(u_conv0_3_y));
    conv_0_10_3_conv1 u_conv1 (
        .clk(clk),
        .x({mux_71, u_conv0_y_1_q1, mux_67, mux_63, u_conv0_y_0_q1, mux_57}),
        .y(u_conv1_y)
    );
    conv_0_10_3_conv1 u_conv1_2 (
        .clk(clk),
        .x({mux_79, mux_77, u_conv0_y_1_q1, mux_75, mux_73, u_conv0_y_0_q1}),
        .y(u_conv1_2_y)
    );
    conv_0_10_3_conv1 u_conv1_3 (.clk(clk), .x({mux_91, mux_89, mux_87, mux_85, mux_83, mux_81}), .y(u_conv1_3_y));
    always @(posedge clk) begin
        x_0_q1 <= x[1:0];
        x_1_q1 <= x[3:2];
        x_2_q1 <= x[5:4];
        u_conv0_3_y_0_q1 <= u_conv0_3_y[2:0];
        u_conv0_3_y_0_q2 <= u_conv0_3_y_0_q1;
        u_conv0_y_0_q1 <= u_conv0_y[2:0];
        u_conv0_2_y_0_q1 <= u_conv0_2_y[2:0];
        u_conv0_3_y_1_q1 <= u_conv0_3_y[5:3];
        u_conv0_3_y_1_q2 <= u_conv0_3_y_1_q1;
        u_conv0_y_1_q1 <= u_conv0_y[5:3];
        u_conv0_2_y_1_q1 <= u_conv0_2_y[5:3];
        u_conv1_y_q1 <= u_conv1_y;
        u_conv1_2_y_q1 <= u_conv1_2_y;
        u_conv1_3_y_q1 <= u_conv1_3_y;
        u_conv1_y_q2 <= u_conv1_y_q1;
        mux_113_q1 <= mux_113;
        mux_116_q1 <= mux_116;
        if (rst) begin
            in_valid_q1 <= 1'd0;
            state_8 <= 2'd0;
            in_valid_q2 <= 1'd0;
            in_valid_q3 <= 1'd0;
            state_47 <= 2'd0;
            in_valid_q4 <= 1'd0;
            in_valid_q5 <= 1'd0;
            in_valid_q6 <= 1'd0;
            state_103 <= 2'd0;
            in_valid_q7 <= 1'd0;
        end else begin
            in_valid_q1 <= in_valid;
            state_8 <= mux_15;
            in_valid_q2 <= in_valid_q1;
            in_valid_q3 <= in_valid_q2;
            state_47 <= mux_54;
            in_valid_q4 <= in_valid_q3;
            in_valid_q5 <= in_valid_q4;
            in_valid_q6 <= in_valid_q5;
            state_103 <= mux_110;
            in_valid_q7 <= in_valid_q6;
        end
    end
    assign out_valid = in_valid_q7;
    assign y = {mux_116_q1, mux_113_q1, u_conv1_y_q2};
endmodule
