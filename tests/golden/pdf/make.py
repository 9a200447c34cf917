#!/usr/bin/env python3
"""Makes the golden PDFs of this folder: groff for typeset pages, hand-written objects for what no
typesetter does. Run it here; it needs groff and ghostscript. The .txt files are what Carrel reads
(written by tests/unit/test_ingest_pdf.c with CARREL_GOLDEN_WRITE=1, then read by a person)."""
import subprocess


def pdf(name, objects, info=None):
    """Numbered objects with a cross-reference table; object 1 is the catalog."""
    out, offsets = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        body = body if isinstance(body, bytes) else body.encode("latin-1")
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % o for o in offsets)
    trailer = "<</Size %d /Root 1 0 R%s>>" % (len(objects) + 1, info or "")
    out += b"trailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (trailer.encode("latin-1"), start)
    open(name, "wb").write(out)


def stream(data, extra=""):
    data = data if isinstance(data, bytes) else data.encode("latin-1")
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), extra.encode(), data)


def page(parent, content, fonts, more=""):
    return ("<</Type/Page /Parent %d 0 R /MediaBox[0 0 400 300] /Contents %d 0 R "
            "/Resources<</Font<<%s>>>> %s>>" % (parent, content, fonts, more))


WIDTHS = {"A": 3, "B": 3, "p": 10}  # of the Arabic page's glyphs, in points; 6 for others
TIMES = "<</Type/Font /Subtype/Type1 /BaseFont/Times-Roman /Encoding/WinAnsiEncoding>>"


def labels():
    """Roman and prefixed page labels, an outline, an empty page between."""
    texts = ["BT /F 10 Tf 40 250 Td (Foreword to the manual) Tj 0 -30 Td (We thank all.) Tj ET",
             "0.5 g 100 100 50 50 re f",
             "BT /F 10 Tf 40 250 Td (Pumps) Tj 0 -30 Td (Prime the pump before use.) Tj ET"]
    objects = ["<</Type/Catalog /Pages 2 0 R /Outlines 10 0 R "
               "/PageLabels<</Nums[0<</S/r /St 4>> 2<</S/D /P(A-)>>]>>>>",
               "<</Type/Pages /Kids[3 0 R 4 0 R 5 0 R] /Count 3>>"]
    objects += [page(2, 6 + i, "/F 9 0 R") for i in range(3)]
    objects += [stream(t) for t in texts] + [TIMES]
    objects += ["<</Type/Outlines /First 11 0 R /Last 12 0 R /Count 2>>",
                "<</Title(Foreword to the manual) /Parent 10 0 R /Next 12 0 R /Dest[3 0 R/Fit]>>",
                "<</Title(Machines) /Parent 10 0 R /Prev 11 0 R /First 13 0 R /Last 13 0 R "
                "/Count 1 /Dest[5 0 R/Fit]>>",
                "<</Title(Pumps) /Parent 12 0 R /Dest[5 0 R/Fit]>>",
                "<</Title(Machine manual)>>"]
    pdf("labels.pdf", objects, " /Info 14 0 R")


def raised():
    """Powers, marks of notes, prices and fractions, set in smaller letters off the line: much smaller
    ones, as typesetters have them, and those of browsers, at five sixths of the line's size."""
    def line(pieces, small):
        piece = lambda t, rise=0: "/F %d Tf %d Ts (%s) Tj " % (small if rise else 12, rise, t)
        return "".join(piece(*p) for p in pieces)
    lines = [([("The count was 10",), ("5", 4), (" copies and 10",), ("-12", 4), (" moles of 10",), ("12", 4), (".",)], 8),
             ([("Give 250",), ("1", 4), (" mg of aspirin",), ("2", 4), (" and H",), ("2", -2), ("O.",)], 8),
             ([("Take 2",), ("1", 4), ("/2", 1), (" tablets.",)], 8),
             ([("4.5 x 10",), ("9", 4), (" cells, 10",), ("6", 4), ("/L, 31 kg/m",), ("2", 4), (", dose",), ("3", 4), (" halved.",)], 10),
             ([("Take 1",), ("1", 4), ("/",), ("2", -2), (" tablets of 5 mg",), ("1", 4), (" on the 2",), ("nd", 4), (" day.",)], 10),
             ([("It costs $10",), ("99", 4), (" or 19.95, and 7.5",), ("a", 4), (" by post.",)], 10)]
    text = "".join("BT 40 %d Td %sET\n" % (250 - 30 * i, line(*l)) for i, l in enumerate(lines))
    pdf("raised.pdf", ["<</Type/Catalog /Pages 2 0 R>>", "<</Type/Pages /Kids[3 0 R] /Count 1>>",
                       page(2, 4, "/F 5 0 R"), stream(text), TIMES])


def to_unicode(pairs):
    rows = "\n".join("<%02X> <%s>" % (code, text.encode("utf-16-be").hex()) for code, text in pairs)
    return stream("/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
                  "/CMapName /X def 1 begincodespacerange <00> <FF> endcodespacerange\n"
                  "%d beginbfchar\n%s\nendbfchar endcmap end end" % (len(pairs), rows))


def letters():
    """Decomposed accents, ligatures as code points, soft hyphens, a bullet of a symbol font, and a
    page whose glyphs mean nothing."""
    pairs = [(65, "e\u0301"), (66, "\ufb01"), (67, "\u00ad"), (68, "\uf0b7"), (69, "o\u0308"),
             (70, "\ufb04")]
    pairs += [(c, chr(c)) for c in b" abcdefghijklmnopqrstuvwxyz."]
    private = [(c, chr(0xe100 + c)) for c in range(97, 123)] + [(32, " ")]
    font = ("<</Type/Font /Subtype/Type1 /BaseFont/Times-Roman /Encoding/WinAnsiEncoding "
            "/ToUnicode %d 0 R>>")
    good = ("BT /F 12 Tf 40 250 Td (a cafA of BnesseC) Tj 0 -16 Td (and wiCth an eFuent rEhre.) Tj "
            "0 -40 Td (D a bullet from a symbol font) Tj ET")
    bad = "BT /G 12 Tf 40 250 Td (nothing here has any meaning at all) Tj ET"
    pdf("letters.pdf", ["<</Type/Catalog /Pages 2 0 R>>",
                        "<</Type/Pages /Kids[3 0 R 4 0 R] /Count 2>>",
                        page(2, 5, "/F 7 0 R"), page(2, 6, "/G 8 0 R"), stream(good), stream(bad),
                        font % 9, font % 10, to_unicode(pairs), to_unicode(private)])


def cjk():
    """A font that is not embedded, in an encoding that is read from poppler's own map files."""
    text = "\u9605\u89c8\u5ba4\u7684\u684c\u5b50\u3002"
    content = ("BT /F 12 Tf 40 250 Td <%s> Tj ET" % text.encode("utf-16-be").hex())
    pdf("cjk.pdf", ["<</Type/Catalog /Pages 2 0 R>>", "<</Type/Pages /Kids[3 0 R] /Count 1>>",
                    page(2, 4, "/F 5 0 R"), stream(content),
                    "<</Type/Font /Subtype/Type0 /BaseFont/STSong-Light-UniGB-UCS2-H "
                    "/Encoding/UniGB-UCS2-H /DescendantFonts[6 0 R]>>",
                    "<</Type/Font /Subtype/CIDFontType0 /BaseFont/STSong-Light /DW 1000 "
                    "/CIDSystemInfo<</Registry(Adobe) /Ordering(GB1) /Supplement 2>> "
                    "/FontDescriptor 7 0 R>>",
                    "<</Type/FontDescriptor /FontName/STSong-Light /Flags 6 "
                    "/FontBBox[-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 "
                    "/CapHeight 880 /StemV 93>>"])


def turned():
    """A page that the viewer turns; pages whose whole text runs up or down, as wide tables are put on
    tall pages; and a page with a stamp in its margin."""
    lines = ["Loads of the lifting gear", "Rope | Length | Load", "R 10 | 2 m | 500 kg",
             "R 20 | 3 m | 750 kg", "R 30 | 5 m | 900 kg",
             "Loads hold for a straight pull. Take half of", "them where the rope runs round an edge."]

    def text(matrix, dx, dy, x=0, y=0):
        """Line after line, each a step (dx, dy) further; cells along the line."""
        out, along = ["BT /F 10 Tf"], (matrix[0], matrix[1])
        for i, line in enumerate(lines):
            for k, cell in enumerate(line.split(" | ")):
                out.append("%d %d %d %d %d %d Tm (%s) Tj" % (
                    *matrix, x + dx * i + 90 * k * along[0], y + dy * i + 90 * k * along[1], cell))
        return " ".join(out) + " ET"

    up = text((0, 1, -1, 0), 20, 0, 60, 40)
    down = text((0, -1, 1, 0), -20, 0, 340, 260)
    plain = text((1, 0, 0, 1), 0, -20, 60, 250)
    stamp = " BT /F 9 Tf 0 1 -1 0 30 60 Tm (Property of the workshop) Tj ET"
    objects = ["<</Type/Catalog /Pages 2 0 R>>",
               "<</Type/Pages /Kids[3 0 R 4 0 R 5 0 R 6 0 R] /Count 4>>",
               page(2, 7, "/F 11 0 R", "/Rotate 90"), page(2, 8, "/F 11 0 R"),
               page(2, 9, "/F 11 0 R"), page(2, 10, "/F 11 0 R"),
               stream(up), stream(up), stream(down), stream(plain + stamp), TIMES]
    pdf("turned.pdf", objects)


def beside():
    """Notes at the side of the text, smaller and at heights of their own; and two pages of a book on
    one sheet, in lines of one grid."""
    body = ["The lathe stands on four feet that are bolted to the",
            "floor. Before it is switched on for the first time the",
            "belt is turned by hand, so that one feels whether the",
            "spindle runs freely. The tool rest is set as close to",
            "the wood as it will go without touching it, and is set",
            "anew whenever the wood has become thinner. The tool is",
            "laid on the rest first and brought to the wood after,",
            "never the other way round. Long pieces are held at both",
            "ends, and the tailstock is looked at again when the wood",
            "has become warm. Shavings are swept up in the evening,",
            "and the oil can is put back to its place by the door."]
    notes = ["Bolts: see page 9.", "New belts stretch;", "look after a week.", "", "", "Steel rests bend", "less than iron",
             "ones do.", "", "Warm wood grows."]
    left = ["27. What the student may do", "Watch the master at work", "Turn the grindstone by hand",
            "Sweep the floor in the evening", "Oil the spindle once a week", "Ask before taking a tool",
            "Wear an apron and goggles", "Go home when the bell rings"]
    right = ["28. What the student may not do", "Touch the belt while it runs", "Carry a chisel point first",
             "Leave the glue on the stove", "Open the paint cupboard alone", "Talk to whoever is turning",
             "Take shavings home for the fire", "Sit on the bench of the master"]
    text = "BT /F 10 Tf " + " ".join("1 0 0 1 140 %d Tm (%s) Tj" % (270 - 13 * i, line)
                                     for i, line in enumerate(body))
    text += " /F 8 Tf " + " ".join("1 0 0 1 30 %d Tm (%s) Tj" % (266 - 10 * i, line)
                                   for i, line in enumerate(notes)) + " ET"
    sheet = "BT /F 8 Tf " + " ".join(
        "1 0 0 1 %d %d Tm (%s) Tj" % (x, 230 - 20 * i, line)
        for x, lines in ((40, left), (230, right)) for i, line in enumerate(lines))
    sheet += " 1 0 0 1 40 30 Tm (208) Tj 1 0 0 1 340 30 Tm (209) Tj ET"
    pdf("beside.pdf", ["<</Type/Catalog /Pages 2 0 R>>", "<</Type/Pages /Kids[3 0 R 4 0 R] /Count 2>>",
                       page(2, 5, "/F 7 0 R"), page(2, 6, "/F 7 0 R"), stream(text), stream(sheet), TIMES])


def arabic():
    """A right-to-left page as poppler sees one: glyphs from left to right, lam and alef as one glyph,
    a Latin word inside, a letter stored as a shape, and a short last line, which poppler's selection
    of the whole page leaves out."""
    letters = "\u0627\u0644\u0645\u0643\u062a\u0628\u0629\u0642\u0631\u0621\u064a\u0648\u0645\u0646\u0633"
    codes = {c: chr(ord("A") + i) for i, c in enumerate(dict.fromkeys(letters))}
    codes["\u0644\u0627"], codes["\ufee3"] = "p", "r"
    pairs = [(ord(code), text) for text, code in codes.items()]
    pairs += [(c, chr(c)) for c in b" xyz0123456789."]

    def shown(word):
        """The word's glyphs from left to right."""
        out, i = "", 0
        while i < len(word):
            n = 2 if word[i:i + 2] in codes else 1
            out, i = codes.get(word[i:i + n], word[i:i + n]) + out, i + n
        return out

    def line(y, text):
        """Words from the right edge to the left."""
        out, at = [], 360
        for word in text.split(" "):
            glyphs = word if word.isascii() else shown(word)
            at -= sum(WIDTHS.get(g, 6) for g in glyphs)
            out.append("1 0 0 1 %d %d Tm (%s) Tj" % (at, y, glyphs))
            at -= 4
        return " ".join(out)

    text = "BT /F 12 Tf " + " ".join([
        line(250, "\u0627\u0644\u0645\u0643\u062a\u0628\u0629 \u0627\u0644\u0642\u0631\u0627\u0621 \u0633\u0644\u0627\u0645"),
        line(230, "\u0627\u0644\u064a\u0648\u0645 \u0643\u062a\u0628 \u0642\u0631\u0627 xyz \u0648 \u0643\u0644\u0627\u0645 \u0627\u0644\u0643\u062a\u0628"),
        line(210, "\ufee3\u0643\u062a\u0628\u0629 \u0627\u0644\u0642\u0645\u0631 \u0627\u0644\u0646\u0627\u0633 \u0633\u0644\u0627\u0645"),
    ]) + " ET"
    widths = " ".join(str(int(WIDTHS.get(chr(c), 6) / 12 * 1000)) for c in range(32, 123))
    font = ("<</Type/Font /Subtype/TrueType /BaseFont/Plain /Encoding/WinAnsiEncoding /FirstChar 32 "
            "/LastChar 122 /Widths[%s] /FontDescriptor 7 0 R /ToUnicode 6 0 R>>" % widths)
    pdf("arabic.pdf", ["<</Type/Catalog /Pages 2 0 R>>", "<</Type/Pages /Kids[3 0 R] /Count 1>>",
                       page(2, 4, "/F 5 0 R"), stream(text), font, to_unicode(pairs),
                       "<</Type/FontDescriptor /FontName/Plain /Flags 32 /FontBBox[0 -200 1000 900] "
                       "/ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 700 /StemV 80>>"])


def slow():
    """Forms that draw forms, ten each, nine deep: a billion words, for the clock's test."""
    objects = ["<</Type/Catalog /Pages 2 0 R>>", "<</Type/Pages /Kids[3 0 R] /Count 1>>",
               "<</Type/Page /Parent 2 0 R /MediaBox[0 0 400 300] /Contents 4 0 R "
               "/Resources<</XObject<</X 6 0 R>>>>>>", stream("/X Do"), TIMES]
    for depth in range(9):
        objects.append(stream("/X Do " * 10, " /Type/XObject /Subtype/Form /BBox[0 0 400 300] "
                              "/Resources<</XObject<</X %d 0 R>>>>" % (7 + depth)))
    objects.append(stream("BT /F 9 Tf 9 9 Td (word) Tj ET", " /Type/XObject /Subtype/Form "
                          "/BBox[0 0 400 300] /Resources<</Font<</F 5 0 R>>>>"))
    pdf("../hostile/slow.pdf", objects)


def typeset():
    for name, flags in (("paper", ["-ms"]), ("doses", ["-t", "-ms"]), ("heads", ["-ms"]),
                        ("kiln", ["-t", "-ms"]), ("dosage", ["-t", "-ms"]),
                        ("ward", ["-t", "-ms"]), ("notes", ["-ms"])):
        with open("source/%s.ms" % name) as source, open(name + ".pdf", "wb") as out:
            subprocess.run(["groff", "-k", "-Tpdf"] + flags, stdin=source, stdout=out, check=True)
    subprocess.run(["gs", "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-sUserPassword=user",
                    "-sOwnerPassword=owner", "-dEncryptionR=3", "-dKeyLength=128",
                    "-sOutputFile=../hostile/encrypted.pdf", "doses.pdf"], check=True)


if __name__ == "__main__":
    labels()
    raised()
    letters()
    cjk()
    turned()
    arabic()
    beside()
    slow()
    typeset()
