#!/usr/bin/env python3
"""Makes the golden PDFs of hard tables: tables_*.pdf. Run it here. Every page draws its lines and places
its words itself, so that a table can be ruled, half ruled or not at all, and its cells run close. The
medicines, doses and prices are invented: nobody may be treated by them."""
from make import pdf, stream

# Widths of Helvetica, in thousandths of its size, for the signs from the space on.
WIDTHS = ([278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278] + [556] * 10 +
          [278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556,
           833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
           333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333,
           500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584])


def width(text, size):
    return sum(WIDTHS[ord(c) - 32] if 32 <= ord(c) < 127 else 556 for c in text) * size / 1000


class Page:
    """Points from the lower left corner; `turn` draws it on its side."""

    def __init__(self, size=9, wide=595, high=842, turn=False):
        self.out, self.size, self.wide, self.high, self.turn = [], size, wide, high, turn

    def text(self, x, y, text, align="l", bold=False, size=None):
        size = size or self.size
        for i, line in enumerate(text.split("\n")):
            w = width(line, size)
            at = x - (w if align == "r" else w / 2 if align == "c" else 0)
            line = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
            self.out.append("BT /%s %g Tf 1 0 0 1 %.2f %.2f Tm (%s) Tj ET" % (
                "B" if bold else "F", size, at, y - i * size * 1.2, line))

    def line(self, x0, y0, x1, y1):
        self.out.append("0.5 w %g %g m %g %g l S" % (x0, y0, x1, y1))

    def box(self, x0, y0, x1, y1):
        self.out.append("0.5 w %g %g %g %g re S" % (x0, y0, x1 - x0, y1 - y0))

    def fill(self, x0, y0, x1, y1, grey=0.85):
        self.out.append("%g g %g %g %g %g re f 0 g" % (grey, x0, y0, x1 - x0, y1 - y0))

    def rows(self, y, step, columns, rows, bold_first=False):
        """Rows of cells at (x, align); a cell of several lines makes its row higher. Gives the y below."""
        for i, row in enumerate(rows):
            high = max(c.count("\n") for c in row) * self.size * 1.2
            for (x, align), cell in zip(columns, row):
                if cell:
                    self.text(x, y, cell, align, bold_first and i == 0)
            y -= step + high
        return y

    def grid(self, x, top, widths, rows, pad=3, spans=(), bold=0, align=None):
        """A ruled table: each cell in a box. spans: (row, column, rows, columns) of larger cells. Gives the y
        below it."""
        xs = [x]
        for w in widths:
            xs.append(xs[-1] + w)
        ys = [top]
        for row in rows:
            ys.append(ys[-1] - max(c.count("\n") + 1 for c in row) * self.size * 1.2 - 2 * pad)
        covered = {}
        for r, c, rn, cn in spans:
            for i in range(r, r + rn):
                for k in range(c, c + cn):
                    covered[i, k] = (r, c)
        for i, row in enumerate(rows):
            for k, cell in enumerate(row):
                if covered.get((i, k), (i, k)) != (i, k):
                    continue
                rn, cn = next(((a, b) for r, c, a, b in spans if (r, c) == (i, k)), (1, 1))
                self.box(xs[k], ys[i + rn], xs[k + cn], ys[i])
                if cell:
                    how = (align or "l" * len(widths))[k]
                    at = xs[k] + pad if how == "l" else xs[k + cn] - pad if how == "r" else (xs[k] + xs[k + cn]) / 2
                    self.text(at, ys[i] - pad - self.size * 0.8, cell, how, i < bold)
        return ys[-1]


def save(name, pages):
    n = len(pages)
    objects = ["<</Type/Catalog /Pages 2 0 R>>",
               "<</Type/Pages /Kids[%s] /Count %d>>" % (" ".join("%d 0 R" % (5 + 2 * i) for i in range(n)), n),
               "<</Type/Font /Subtype/Type1 /BaseFont/Helvetica /Encoding/WinAnsiEncoding>>",
               "<</Type/Font /Subtype/Type1 /BaseFont/Helvetica-Bold /Encoding/WinAnsiEncoding>>"]
    for i, p in enumerate(pages):
        content = "\n".join(p.out)
        if p.turn:
            content = "q 0 1 -1 0 %g 0 cm\n%s\nQ" % (p.wide, content)
        objects.append("<</Type/Page /Parent 2 0 R /MediaBox[0 0 %g %g] /Contents %d 0 R "
                       "/Resources<</Font<</F 3 0 R /B 4 0 R>>>>>>" % (p.wide, p.high, 6 + 2 * i))
        objects.append(stream(content))
    pdf(name, objects)


def prose(p, y, x=60):
    for line in ("Weigh the child before every course, and write the weight on the chart. The doses below are",
                 "for one day; where nothing is said they are parted into two, twelve hours from one another."):
        p.text(x, y, line)
        y -= 12
    return y - 8


def ruled():
    """Cells in boxes: heads of two levels, cells of several lines, a name over several rows, empty cells, a
    dose over two columns, names of groups, a title and a note in the table."""
    a = Page()
    a.text(60, 800, "Doses by weight", bold=True, size=14)
    y = prose(a, 775)
    y = a.grid(60, y, [90, 80, 60, 60, 60, 60], [
        ["Medicine", "Form", "Weight of the child", "", "", ""],
        ["", "", "3-5 kg", "6-9 kg", "10-14 kg", "15-19 kg"],
        ["Amoxicillin", "syrup,\n125 mg in 5 ml", "2.5 ml", "5 ml", "10 ml", "15 ml"],
        ["", "tablet, 250 mg", "", "1/2", "1", "1 1/2"],
        ["Cotrimoxazole\n(not in the first\nmonth of life)", "tablet,\n120 mg", "1", "2", "", "4"],
        ["Against fever", "", "", "", "", ""],
        ["Paracetamol", "syrup", "2 ml", "4 ml", "6 ml", "8 ml"]],
        spans=[(0, 0, 2, 1), (0, 1, 2, 1), (0, 2, 1, 4), (2, 0, 2, 1), (4, 3, 1, 2), (5, 0, 1, 6)], bold=2)
    y = prose(a, y - 20)
    y = a.grid(60, y, [110, 150, 170], [
        ["Sign", "What it may mean", "What to do"],
        ["Rash over the\nwhole body", "The child may not bear the\nmedicine, or may have\nanother fever",
         "Stop the medicine. Look for swelling of the\nface; send the child to the hospital if\nthere is any."],
        ["Loose stools", "Common in the first days", "Go on, and give zinc and\nmore fluids."],
        ["Vomits the dose", "", "Give the dose again, once."]], bold=1)
    b = Page()
    b.text(60, 800, "Where lines are missing", bold=True, size=14)
    # lines between the columns and below the head alone
    for x in (60, 200, 280, 360, 440):
        b.line(x, 770, x, 640)
    for y in (770, 752, 640):
        b.line(60, y, 440, y)
    b.rows(758, 0, [(64, "l"), (204, "l"), (284, "l"), (364, "l")], [["Item", "Pack", "Price", "Stock"]])
    b.rows(740, 15, [(64, "l"), (276, "r"), (356, "r"), (436, "r")], [
        ["Gloves, examination", "100", "12.50", "40"], ["Gloves, surgical, sterile,\nsize 7", "50", "18.00", "12"],
        ["Masks", "50", "8.00", "22"], ["Gowns", "", "3.20", "5"], ["Syringes, 5 ml", "100", "6.75", "300"]])
    # open at both sides
    for y in (600, 582, 560, 538):
        b.line(60, y, 440, y)
    for x in (180, 310):
        b.line(x, 600, x, 538)
    b.rows(587, 22, [(64, "l"), (184, "l"), (314, "l")], [
        ["Pump", "Rate", "Power"], ["Model A", "20 l/min", "0.4 kW"], ["Model B", "35 l/min", "0.7 kW"]])
    # grey and white bars instead of lines
    for i in range(5):
        for x, w in ((60, 120), (182, 80), (264, 80), (346, 80)):
            b.fill(x, 480 - 20 * i, x + w, 498 - 20 * i, 0.8 if i == 0 else 0.94)
    b.rows(485, 20, [(64, "l"), (258, "r"), (340, "r"), (422, "r")], [
        ["Ward", "Beds", "Nurses", "Doctors"], ["Children", "24", "9", "2"], ["Surgery", "30", "12", "4"],
        ["Maternity", "18", "10", "2"], ["Isolation", "6", "4", ""]])
    # cells whose text runs close to the line
    b.grid(60, 370, [62, 62, 62], [["Batch", "Opened on", "Thrown away"], ["AB 1290", "12 May 2024", "12 June 2024"],
                                   ["AB 1291", "14 May 2024", "never opened"]], pad=2, bold=1)
    # headings that run up the page
    for x, name in ((200, "Adults"), (240, "Children"), (280, "Old people")):
        b.out.append("BT /B 9 Tf 0 1 -1 0 %d 125 Tm (%s) Tj ET" % (x + 22, name))
    for y in (175, 120, 104, 88):
        b.line(60, y, 310, y)
    for x in (60, 190, 230, 270, 310):
        b.line(x, 175, x, 88)
    b.rows(109, 16, [(64, "l"), (210, "c"), (250, "c"), (290, "c")], [["Beds", "12", "8", "5"], ["Blankets", "30", "24", "10"]])
    # a frame with prose is no table
    b.box(60, 180, 500, 290)
    b.line(60, 270, 500, 270)
    b.text(66, 276, "Remember", bold=True)
    prose(b, 256, 66)
    prose(b, 226, 66)
    save("tables_ruled.pdf", [a, b])


def across():
    """Lines across the page alone, as books set tables."""
    p = Page()
    p.text(60, 800, "Fluids", bold=True, size=14)
    y = prose(p, 775)
    p.line(60, y + 4, 520, y + 4)
    p.text(300, y - 8, "First day", "c")
    p.text(445, y - 8, "Days after", "c")
    p.line(230, y - 12, 370, y - 12)
    p.line(380, y - 12, 515, y - 12)
    cols = [(60, "l"), (265, "c"), (335, "c"), (412, "c"), (480, "c")]
    p.rows(y - 24, 14, cols, [["Weight", "Bolus", "Drip", "Mouth", "Drip"]])
    p.line(60, y - 29, 520, y - 29)
    y = p.rows(y - 42, 15, cols, [
        ["below 5 kg", "50 ml", "5 ml/h", "20 ml/h", "2 ml/h"],
        ["5 kg to 10 kg, if the child\ndrinks well", "100 ml", "10 ml/h", "40 ml/h", "4 ml/h"],
        ["10 kg and more", "200 ml", "20 ml/h", "80 ml/h", "8 ml/h"]])
    p.line(60, y + 8, 520, y + 8)
    y = prose(p, y - 20)
    # cells of several lines, parted by lines
    p.line(60, y + 6, 520, y + 6)
    p.rows(y - 6, 0, [(60, "l"), (180, "l"), (350, "l")], [["Alarm", "Cause", "Remedy"]], True)
    y -= 12
    for row in (["E1", "The water is too hot, or the\nsensor is loose", "Wait, then look at the sensor\nand its plug"],
                ["E2", "No flame", "Open the valve. Press the\nigniter again after five\nminutes"],
                ["E4\n(older models: F4)", "Pressure too low", "Fill up to 1.2 bar"]):
        p.line(60, y, 520, y)
        y = p.rows(y - 12, 6, [(60, "l"), (180, "l"), (350, "l")], [row])
    p.line(60, y + 6, 520, y + 6)
    save("tables_across.pdf", [p])


def plain():
    """No lines at all."""
    a = Page()
    a.text(60, 800, "Accounts", bold=True, size=14)
    a.text(60, 780, "In thousands. A figure in brackets is a loss.")
    a.text(385, 760, "Six months ended", "c")
    a.text(305, 748, "30 June", "c")
    a.text(465, 748, "31 December", "c")
    a.text(265, 736, "2024", "c")
    a.text(345, 736, "2023", "c")
    a.text(425, 736, "2024", "c")
    a.text(505, 736, "2023", "c")
    y = 718
    for name, figures in (("Sales", ["1,204", "998", "1,377", "1,120"]), ("Cost of sales", ["(804)", "(701)", "(911)", "(744)"]),
                          ("Rent, and interest on the\nloan for the new hall", ["(42)", "(40)", "(42)", "(41)"]),
                          ("Other (1)", ["12", "-", "(3)", "-"]), ("Total", ["370", "257", "421", "335"])):
        a.text(60, y, name)
        y -= 11 * name.count("\n")
        for k, f in enumerate(figures):
            right = 285 + 80 * k
            if name in ("Sales", "Total"):
                a.text(right - 45, y, "$")
            a.text(right + (3 if f.endswith(")") else 0), y, f, "r")
        y -= 14
    a.text(60, y - 6, "(1) Mostly scrap.", size=7)
    a.text(60, 590, "Price list", bold=True, size=12)
    cols = [(60, "l"), (110, "l"), (236, "r"), (272, "r"), (308, "r"), (344, "r"), (380, "r"), (420, "r"), (470, "r")]
    a.rows(570, 12, cols, [
        ["No.", "Article", "M6", "M8", "M10", "M12", "M16", "Pack", "Price"],
        ["4711", "Hexagon screw", "0.08", "0.11", "0.19", "0.27", "0.61", "100", "11.20"],
        ["4712", "Nut", "0.03", "0.04", "0.07", "0.11", "0.25", "200", "5.90"],
        ["4713", "Washer, large", "0.02", "0.03", "", "0.06", "", "200", "4.10"],
        ["4720", "Threaded rod, 1 m", "", "2.10", "2.95", "3.80", "6.40", "1", "2.10"],
        ["4731", "Eye bolt", "0.90", "1.15", "1.60", "2.45", "", "10", "9.00"]], True)
    # columns with no more white between them than between words
    cols = [(60, "l"), (150, "l")] + [(215 + 24 * i, "r") for i in range(9)]
    a.rows(476, 11, cols, [
        ["Rope, by shackle", "Colour"] + ["M%d" % d for d in (2, 3, 4, 5, 6, 8, 10, 12, 14)],
        ["Hemp, laid", "brown", "0.10", "0.12", "0.15", "0.19", "0.24", "0.38", "0.55", "0.80", "1.10"],
        ["Hemp, braided", "brown", "0.14", "0.17", "0.20", "0.26", "0.33", "0.49", "0.71", "0.99", "1.35"],
        ["Polyester", "white", "0.22", "0.25", "0.31", "0.38", "0.47", "0.66", "0.90", "1.25", "1.70"],
        ["Wire, galvanised", "grey", "0.55", "0.61", "0.70", "0.84", "1.05", "1.40", "1.95", "2.60", "3.30"]], True)
    # two tables beside one another
    a.rows(395, 13, [(60, "l"), (180, "r"), (230, "r")], [
        ["Room", "Area", "Seats"], ["Hall", "240", "180"], ["Library", "96", "40"], ["Study", "18", "4"], ["Kitchen", "30", "8"]], True)
    a.rows(395, 13, [(330, "l"), (450, "r"), (500, "r")], [
        ["Tool", "Count", "Price"], ["Plane", "6", "45.00"], ["Chisel", "24", "12.50"], ["Mallet", "8", "9.80"], ["Gouge", "5", "18.00"]], True)
    # names in a column over several rows, cells of several lines, columns of text alone
    cols = [(60, "l"), (150, "l"), (260, "l"), (390, "l")]
    a.rows(310, 18, cols, [
        ["Illness", "Who", "First choice", "If that fails"],
        ["Pneumonia", "child, 2-11\nmonths", "amoxicillin by mouth for\nfive days", "refer to hospital"],
        ["", "child, 1-5 years", "amoxicillin by mouth for\nfive days", "ceftriaxone once a\nday, then refer"],
        ["Ear infection", "any child", "amoxicillin by mouth", ""],
        ["Dysentery", "child, 1-5 years", "ciprofloxacin by mouth for\nthree days; give zinc too", "refer to hospital"]], True)
    save("tables_plain.pdf", [a])


def heads():
    """Heads that look like figures: ranges, and a date that is broken into lines; titles above a table, and
    a line in brackets below its heads. Values that are ranges are no heads."""
    a = Page()
    cols = [(60, "l"), (150, "l"), (220, "l"), (290, "r"), (330, "r"), (370, "r"), (410, "r"), (470, "r")]
    a.rows(800, 12, cols, [
        ["Article", "Number", "Unit", "1-9", "10-49", "50-99", "100+", "Days"],
        ["Gloves", "GN-11", "box", "1.95", "1.80", "1.60", "1.35", "2"],
        ["Masks", "GN-12", "box", "2.95", "2.80", "2.60", "2.35", "3"],
        ["Gowns", "GN-13", "piece", "3.95", "3.80", "3.60", "3.35", "4"]])
    a.rows(720, 12, [(60, "l"), (200, "r"), (300, "r")], [
        ["Sodium", "135-145", "mmol"], ["Potassium", "3-5", "mmol"], ["Urea", "2-7", "mmol"], ["Iron", "9-30", "umol"]])
    # three columns of figures on the right of long names
    a.text(297, 640, "Kiln Works", "c")
    a.text(297, 629, "Survey of the Quarter", "c")
    a.text(415, 616, "Three Months Ended", "c")
    a.text(415, 607, "December", "c")
    for x, date, year in ((315, "June 30,", "2023"), (415, "31,", "2022"), (510, "June 30,", "2022")):
        a.text(x, 597, date, "c")
        a.text(x, 587, year, "c")
    a.text(415, 577, "(In thousands, except percentages)", "c")
    a.rows(565, 11, [(60, "l"), (334, "r"), (434, "r"), (534, "r")], [
        ["Bricks that were fired", "132", "133", "138"], ["Tiles", "14", "15", "19"], ["All that was sold", "8,702", "9,010", "8,982"]])
    save("tables_heads.pdf", [a])


NAMES = ["Aspirin", "Bandage", "Catheter", "Drape", "Eye pad", "Forceps", "Gauze", "Haemostat", "Iodine", "Jelly",
         "Kidney dish", "Lancet", "Mask", "Needle", "Ointment", "Pipette", "Quinine", "Retractor", "Scalpel",
         "Tourniquet", "Urine bag", "Vaseline", "Wipes", "X-ray film", "Yeast", "Zinc"]


def stock(names, first):
    return [[n, "%d" % (first + 3 * i), "%d" % (7 * i + 20), "%d.%02d" % (i + 2, 5 * i % 100)] for i, n in enumerate(names)]


def pages():
    """Tables that go on over the page: ruled and plain, with their heads again and without; a row cut in two;
    a page on its side."""
    out, head = [], ["Article", "Shelf", "In stock", "Price"]
    widths, cols = [140, 80, 80, 80], [(60, "l"), (240, "r"), (320, "r"), (400, "r")]

    def sheet(number, turn=False):
        p = Page(high=420) if not turn else Page(wide=420, high=595, turn=True)
        p.text(60, 395, "Store of the ward")
        p.text(60, 20, "Page %d" % number)
        out.append(p)
        return p

    sheet(1).grid(60, 375, widths, [head] + stock(NAMES[:16], 100), bold=1)
    sheet(2).grid(60, 375, widths, stock(NAMES[16:], 148))
    sheet(3).rows(375, 14, cols, [head] + stock(NAMES[:22], 300), True)
    sheet(4).rows(375, 14, cols, stock(NAMES[22:], 366))
    p = sheet(5)
    y = p.grid(60, 375, widths, [head] + stock(NAMES[:14], 500), bold=1)
    p.grid(60, y, widths, [["Pipette for the", "", "", ""]])
    p = sheet(6)
    p.grid(60, 375, widths, [head] + [["laboratory", "9", "4", "7.10"]] + stock(NAMES[16:20], 548), bold=1)
    sheet(7, True).grid(60, 375, widths, [head] + stock(NAMES[:8], 700), bold=1)
    save("tables_pages.pdf", out)


if __name__ == "__main__":
    ruled()
    across()
    plain()
    heads()
    pages()
