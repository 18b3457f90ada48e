// random_12: latency 2 cycles, a new frame every 1
// made for 320 MHz (model, not placed and routed)
module random_12 (
    input wire clk,
    input wire rst,
    input wire in_valid,
    input wire [69:0] x0,
    output wire out_valid,
    output wire [23:0] y0
);
    wire [22:0] u_net0_dense0_y;
    reg [2:0] u_net0_dense0_y_0_q1;
    reg [3:0] u_net0_dense0_y_1_q1;
    reg [3:0] u_net0_dense0_y_2_q1;
    reg [3:0] u_net0_dense0_y_3_q1;
    reg [3:0] u_net0_dense0_y_4_q1;
    reg [3:0] u_net0_dense0_y_5_q1;
    reg in_valid_q1;
    reg in_valid_q2;
    random_12_net0_dense0 u_net0_dense0 (.clk(clk), .x(x0), .y(u_net0_dense0_y));
    always @(posedge clk) begin
        u_net0_dense0_y_0_q1 <= u_net0_dense0_y[2:0];
        u_net0_dense0_y_1_q1 <= u_net0_dense0_y[6:3];
        u_net0_dense0_y_2_q1 <= u_net0_dense0_y[10:7];
        u_net0_dense0_y_3_q1 <= u_net0_dense0_y[14:11];
        u_net0_dense0_y_4_q1 <= u_net0_dense0_y[18:15];
        u_net0_dense0_y_5_q1 <= u_net0_dense0_y[22:19];
        if (rst) begin
            in_valid_q1 <= 1'd0;
            in_valid_q2 <= 1'd0;
        end else begin
            in_valid_q1 <= in_valid;
            in_valid_q2 <= in_valid_q1;
        end
    end
    assign out_valid = in_valid_q2;
    assign y0 = {u_net0_dense0_y_5_q1, u_net0_dense0_y_4_q1, u_net0_dense0_y_3_q1, u_net0_dense0_y_2_q1,
        u_net0_dense0_y_1_q1, 1'd0, u_net0_dense0_y_0_q1};
endmodule
