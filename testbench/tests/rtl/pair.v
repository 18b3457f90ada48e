// Two adders side by side.
module pair (
    input  wire         clk,
    input  wire         rst,
    input  wire         in_valid,
    input  wire [99:0]  a,
    input  wire [79:0]  b,
    output wire         out_valid,
    output wire [201:0] y
);
    wire [1:0] valid;
    assign out_valid = &valid;

    add2 low (
        .clk(clk), .rst(rst), .in_valid(in_valid), .a(a), .b(b[39:0]), .out_valid(valid[0]), .y(y[100:0])
    );
    add2 high (
        .clk(clk), .rst(rst), .in_valid(in_valid), .a(a), .b(b[79:40]), .out_valid(valid[1]), .y(y[201:101])
    );
endmodule
