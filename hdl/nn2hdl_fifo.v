// A queue of 2^A words. q is the oldest word; level is the number of words held. No push when full, no pop when empty.
module nn2hdl_fifo #(
    parameter W = 1,
    parameter A = 1
) (
    input wire clk,
    input wire rst,
    input wire push,
    input wire [W-1:0] d,
    input wire pop,
    output wire [W-1:0] q,
    output reg [A:0] level
);
    reg [W-1:0] memory [0:(1<<A)-1];
    reg [A-1:0] head;
    reg [A-1:0] tail;
    assign q = memory[tail];
    always @(posedge clk) begin
        if (push) memory[head] <= d;
        if (rst) begin
            head <= {A{1'b0}};
            tail <= {A{1'b0}};
            level <= {(A+1){1'b0}};
        end else begin
            if (push) head <= head + 1'b1;
            if (pop) tail <= tail + 1'b1;
            if (push && !pop) level <= level + 1'b1;
            if (pop && !push) level <= level - 1'b1;
        end
    end
endmodule
