// A register whose out_valid stays high when in_valid falls: right back to back, wrong after a gap.
module stuck_valid (
    input  wire        clk,
    input  wire        rst,
    input  wire        in_valid,
    input  wire [63:0] x,
    output reg         out_valid,
    output reg  [63:0] y
);
    reg stretch;

    always @(posedge clk) begin
        stretch <= !rst && in_valid;
        out_valid <= !rst && (in_valid || stretch);
        y <= x;
    end
endmodule
