// A small table: bit n of y is bit a of the n-th group of 2^WA bits of DATA.
module nn2hdl_rom #(
    parameter WA = 1,
    parameter WY = 1,
    parameter [(WY<<WA)-1:0] DATA = {(WY << WA) {1'b0}}
) (
    input wire [WA-1:0] a,
    output wire [WY-1:0] y
);
    genvar n;
    generate
        for (n = 0; n < WY; n = n + 1) begin : bits
            wire [(1<<WA)-1:0] column = DATA[(n << WA) +: (1 << WA)];
            assign y[n] = column[a];
        end
    endgenerate
endmodule
