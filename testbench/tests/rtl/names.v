// Port widths at the edges of Verilator's C++ types, and names that it mangles.
module names (
    input  wire        clk,
    input  wire [7:0]  a__b,
    input  wire [15:0] a___b,
    input  wire [31:0] w32,
    input  wire [32:0] new_w33,
    input  wire [63:0] w64,
    input  wire [64:0] w65,
    output reg  [7:0]  o8,
    output reg  [15:0] o16,
    output reg  [31:0] o32,
    output reg  [32:0] o33,
    output reg  [63:0] o64,
    output reg  [64:0] o65
);
    always @(posedge clk) begin
        o8  <= ~a__b;
        o16 <= ~a___b;
        o32 <= ~w32;
        o33 <= ~new_w33;
        o64 <= ~w64;
        o65 <= ~w65;
    end
endmodule
