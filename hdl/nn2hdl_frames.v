// Handshakes around a core of fixed latency that takes BI beats of a frame without a pause, gives BO beats of results and
// takes the next frame II cycles after the last at the earliest.
// A frame is started once all its beats are here and the output queue has room for all its results (credit).
// s_last anywhere but on a frame's last beat sets error until reset; beats are counted, not marked, so data goes on.
// CB: bits that count to II and BO. AI, AO: 2^AI and 2^AO beats are held before and behind the core; both hold a frame.
module nn2hdl_frames #(
    parameter WI = 1,
    parameter WO = 1,
    parameter BI = 1,
    parameter BO = 1,
    parameter II = 1,
    parameter CB = 1,
    parameter AI = 1,
    parameter AO = 1
) (
    input wire clk,
    input wire rst,
    input wire s_valid,
    output wire s_ready,
    input wire [WI-1:0] s_data,
    input wire s_last,
    output wire m_valid,
    input wire m_ready,
    output wire [WO-1:0] m_data,
    output wire m_last,
    output reg error,
    output reg core_valid,
    output reg [WI-1:0] core_data,
    input wire result_valid,
    input wire [WO-1:0] result
);
    localparam [31:0] FINAL = BI - 1;
    localparam [31:0] FINAL_RESULT = BO - 1;
    localparam [31:0] FINAL_CYCLE = II - 1;
    localparam [31:0] WHOLE = BI;
    localparam [31:0] WHOLE_RESULT = BO;
    reg [CB-1:0] in_beat;
    reg [CB-1:0] cycle;
    reg [CB-1:0] out_beat;
    reg [AO:0] credit;
    wire [AI:0] waiting;
    wire [AO:0] held;
    wire [WI-1:0] oldest;

    assign s_ready = !rst && !waiting[AI];
    wire put = s_valid && s_ready;
    wire in_final = in_beat == FINAL[CB-1:0];
    wire start = cycle == {CB{1'b0}} && waiting >= WHOLE[AI:0] && credit >= WHOLE_RESULT[AO:0];
    wire busy = start || cycle != {CB{1'b0}};
    wire run = busy && cycle <= FINAL[CB-1:0];
    assign m_valid = held != {(AO+1){1'b0}};
    assign m_last = out_beat == FINAL_RESULT[CB-1:0];
    wire take = m_valid && m_ready;

    nn2hdl_fifo #(.W(WI), .A(AI)) u_in (
        .clk(clk), .rst(rst), .push(put), .d(s_data), .pop(run), .q(oldest), .level(waiting)
    );
    nn2hdl_fifo #(.W(WO), .A(AO)) u_out (
        .clk(clk), .rst(rst), .push(result_valid), .d(result), .pop(take), .q(m_data), .level(held)
    );

    always @(posedge clk) begin
        core_data <= oldest;
        if (rst) begin
            in_beat <= {CB{1'b0}};
            cycle <= {CB{1'b0}};
            out_beat <= {CB{1'b0}};
            credit <= {1'b1, {AO{1'b0}}};
            core_valid <= 1'b0;
            error <= 1'b0;
        end else begin
            core_valid <= run;
            if (put) in_beat <= in_final ? {CB{1'b0}} : in_beat + 1'b1;
            if (put && s_last != in_final) error <= 1'b1;
            if (busy) cycle <= cycle == FINAL_CYCLE[CB-1:0] ? {CB{1'b0}} : cycle + 1'b1;
            if (take) out_beat <= m_last ? {CB{1'b0}} : out_beat + 1'b1;
            credit <= credit - (start ? WHOLE_RESULT[AO:0] : {(AO+1){1'b0}}) + {{AO{1'b0}}, take};
        end
    end
endmodule
