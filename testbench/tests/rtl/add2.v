// y = a + b over two register stages: latency 2, one beat a frame.
module add2 (
    input  wire         clk,
    input  wire         rst,
    input  wire         in_valid,
    input  wire [99:0]  a,
    input  wire [39:0]  b,
    output wire         out_valid,
    output wire [100:0] y
);
    reg [1:0]   valid;
    reg [99:0]  a_1;
    reg [39:0]  b_1;
    reg [100:0] y_2;

    always @(posedge clk) begin
        valid <= rst ? 2'b00 : {valid[0], in_valid};
        a_1 <= a;
        b_1 <= b;
        y_2 <= {1'b0, a_1} + {61'd0, b_1};
    end

    assign out_valid = valid[1];
    assign y = y_2;
endmodule
