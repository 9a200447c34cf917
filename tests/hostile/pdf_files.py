"""PDFs that loop, explode, lie or reach out. Each function gives (name, bytes, heavy).

heavy: takes more than a moment to make or to refuse, and so stands only in the whole corpus; its
bytes come from a function, so that they are not made for nothing.
"""
import struct
import zlib

from seeds import FONT, SENTENCE, n, page_pdf, pdf, stream, text_content

TEXT = text_content([SENTENCE])


def many_pages(count):
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>", 4: stream(TEXT), 5: FONT}
    kids = b" ".join(b"%d 0 R" % (10 + i) for i in range(count))
    objects[2] = b"<</Type/Pages/Count %d/Kids[%s]/MediaBox[0 0 595 842]/Resources<</Font<</F 5 0 R>>>>>>" % (
        count, kids)
    for i in range(count):
        objects[10 + i] = b"<</Type/Page/Parent 2 0 R/Contents 4 0 R>>"
    return pdf(objects)


def tree(kids, count, more=None):
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>",
               2: b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)}
    objects.update(more or {})
    return pdf(objects)


def page_trees():
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    rest = {3: page, 4: stream(TEXT), 5: FONT}
    yield "tree-self.pdf", tree(b"2 0 R", 1), False
    yield "tree-two.pdf", tree(b"6 0 R", 5, {6: b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R 3 0 R]/Count 5>>",
                                             **rest}), False
    yield "tree-parent-self.pdf", tree(b"3 0 R", 1, {
        3: b"<</Type/Page/Parent 3 0 R/Contents 4 0 R>>", 4: stream(TEXT)}), False
    yield "tree-count-lies.pdf", tree(b"3 0 R", 2000000000, rest), False
    yield "tree-count-negative.pdf", tree(b"3 0 R", -5, rest), False
    yield "tree-same-page.pdf", lambda: tree(b"3 0 R " * n(20000), 20000, rest), True
    deep = {10 + i: b"<</Type/Pages/Parent %d 0 R/Kids[%d 0 R]/Count 1>>" % (9 + i if i else 2, 11 + i)
            for i in range(n(20000))}
    deep[10 + n(20000)] = page
    yield "tree-deep.pdf", tree(b"10 0 R", 1, {**deep, 4: stream(TEXT), 5: FONT}), False
    yield "pages-none.pdf", pdf({1: b"<</Type/Catalog>>"}), False
    yield "pages-null.pdf", tree(b"null null 99 0 R", 3), False
    yield "pages-100000.pdf", many_pages(100000), False
    yield "pages-9000.pdf", lambda: many_pages(9000), True


def boxes():
    for i, box in enumerate((b"[0 0 1e30 1e30]", b"[-1e9 -1e9 1e9 1e9]", b"[0 0 0 0]", b"[9 9 1 1]", b"[0 0]",
                             b"[/A (b) null []]", b"[0 0 99999999999999999999 5]", b"6 0 R")):
        yield f"box-{i}.pdf", page_pdf(TEXT, box=box), False
    yield "rotate-45.pdf", page_pdf(TEXT, page=b"/Rotate 45/UserUnit 1e30"), False


def forms():
    def form(content, resources, extra=b""):
        return stream(content, b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources<<%s>>" % resources + extra)
    yield "form-self.pdf", page_pdf(b"/X Do", resources=b"/XObject<</X 6 0 R>>",
                                    more={6: form(b"/X Do", b"/XObject<</X 6 0 R>>")}), False
    yield "form-two.pdf", page_pdf(b"/X Do", resources=b"/XObject<</X 6 0 R>>", more={
        6: form(b"/Y Do", b"/XObject<</Y 7 0 R>>"), 7: form(b"/X Do", b"/XObject<</X 6 0 R>>")}), False
    laughs = {6 + i: form(b"/X Do " * 10, b"/XObject<</X %d 0 R>>" % (7 + i)) for i in range(12)}
    laughs[18] = form(TEXT, b"/Font<</F 5 0 R>>")
    yield "form-laughs.pdf", lambda: page_pdf(b"/X Do", resources=b"/XObject<</X 6 0 R>>", more=laughs), True
    yield "pattern-self.pdf", page_pdf(
        b"/Pattern cs /P scn 0 0 99 99 re f", resources=b"/Pattern<</P 6 0 R>>",
        more={6: stream(b"/Pattern cs /P scn 0 0 9 9 re f",
                        b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 1e-9/YStep 1e-9"
                        b"/Resources<</Pattern<</P 6 0 R>>>>")}), False
    yield "mask-self.pdf", page_pdf(
        b"/G gs /X Do", resources=b"/ExtGState<</G 7 0 R>>/XObject<</X 6 0 R>>",
        more={6: form(b"/G gs 0 0 9 9 re f", b"/ExtGState<</G 7 0 R>>", b"/Group<</S/Transparency>>"),
              7: b"<</SMask<</S/Luminosity/G 6 0 R>>>>"}), False
    yield "type3-self.pdf", page_pdf(
        b"BT /T 12 Tf 72 700 Td (aaaa) Tj ET", resources=b"/Font<</T 6 0 R>>",
        more={6: b"<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/CharProcs<</a 7 0 R>>"
                 b"/Encoding<</Differences[97/a]>>/FirstChar 97/LastChar 97/Widths[1]/Resources<</Font<</T 6 0 R>>>>>>",
              7: stream(b"1 0 d0 BT /T 1 Tf (aaaa) Tj ET")}), False


def contents():
    yield "text-million.pdf", lambda: page_pdf(stream(b"BT /F 1 Tf " + b"(a) Tj 1 0 Td " * n(1000000) + b"ET",
                                              deflate=True)), True
    yield "string-huge.pdf", lambda: page_pdf(stream(b"BT /F 9 Tf (" + b"word " * n(2000000) + b") Tj ET",
                                             deflate=True)), True
    yield "save-million.pdf", page_pdf(stream(b"q " * n(1000000) + TEXT, deflate=True)), False
    yield "array-deep.pdf", page_pdf(stream(b"[" * n(1000000) + TEXT)), False
    yield "dict-deep.pdf", page_pdf(TEXT, page=b"/A " + b"<</A " * n(200000) + b"1" + b">>" * n(200000)), False
    yield "array-deep-object.pdf", page_pdf(TEXT, page=b"/A " + b"[" * n(500000) + b"]" * n(500000)), False
    yield "string-open.pdf", page_pdf(b"BT /F 9 Tf (" + b"(" * n(500000)), False
    yield "hex-open.pdf", page_pdf(b"BT /F 9 Tf <" + b"41" * n(500000)), False
    yield "numbers-huge.pdf", page_pdf(b"BT /F 1e38 Tf 1e38 0 0 1e38 1e38 1e38 Tm (" + SENTENCE.encode() +
                                       b") Tj -1e38 Ts 9999999999999999999 Tw (a b) Tj ET"), False
    yield "matrix-nan.pdf", page_pdf(b"0 0 0 0 0 0 cm BT /F 12 Tf 0 0 0 0 0 0 Tm (a) Tj ET"), False
    yield "inline-image.pdf", page_pdf(b"BI /W 2000000000 /H 2000000000 /BPC 8 /CS /RGB ID xx EI " + TEXT), False
    yield "image-huge.pdf", page_pdf(
        b"595 0 0 842 0 0 cm /I Do", resources=b"/XObject<</I 6 0 R>>",
        more={6: stream(b"x" * 100, b"/Type/XObject/Subtype/Image/Width 100000/Height 100000/BitsPerComponent 8"
                        b"/ColorSpace/DeviceRGB")}), False
    for kind, data in (("JPXDecode", b"\0\0\0\x0cjP  \r\n\x87\n" + b"\xff" * 500), ("JBIG2Decode", b"\x97JB2" * 50),
                       ("DCTDecode", b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0" + b"\0" * 99),
                       ("CCITTFaxDecode", b"\0" * 500), ("LZWDecode", b"\x80\x0b" * 999)):
        yield f"image-{kind}.pdf", page_pdf(
            b"595 0 0 842 0 0 cm /I Do", resources=b"/XObject<</I 6 0 R>>",
            more={6: stream(data, b"/Type/XObject/Subtype/Image/Width 30000/Height 30000/BitsPerComponent 1"
                            b"/ColorSpace/DeviceGray/Filter/%s" % kind.encode())}), False


def deflated(piece, times, bits=15):
    """The piece so many times, packed, without holding it all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return b"".join(packer.compress(piece) for _ in range(times)) + packer.flush()


def filters():
    bomb = zlib.compress(b"\0" * (1 << 20), 9)
    words = b"BT /F 9 Tf " + b"(quince) Tj 9 0 Td " * 1000
    yield "flate-gigabyte.pdf", lambda: page_pdf(stream(deflated(b" " * (1 << 20), 1024), b"/Filter/FlateDecode")), True
    yield "flate-words.pdf", lambda: page_pdf(stream(deflated(words, 4000), b"/Filter/FlateDecode")), True
    yield "flate-twice.pdf", lambda: page_pdf(stream(zlib.compress(deflated(b"\0" * (1 << 20), 256), 9),
                                                     b"/Filter[/FlateDecode/FlateDecode]")), True
    yield "filters-thousand.pdf", page_pdf(stream(bomb, b"/Filter[%s]" % (b"/FlateDecode" * 1000))), False
    yield "filter-unknown.pdf", page_pdf(stream(TEXT, b"/Filter/Crypt/DecodeParms<</Name/X>>")), False
    yield "predictor.pdf", page_pdf(stream(bomb, b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 2000000000"
                                           b"/Colors 2000000000/BitsPerComponent 16>>")), False
    yield "run-length.pdf", page_pdf(stream(b"\x81 " * n(500000), b"/Filter/RunLengthDecode")), False
    yield "length-lies.pdf", page_pdf(b"<</Length 999999999>>stream\n" + TEXT + b"\nendstream"), False
    yield "length-self.pdf", page_pdf(b"<</Length 4 0 R>>stream\n" + TEXT + b"\nendstream"), False


def tables():
    plain = page_pdf(TEXT)
    at = plain.rindex(b"xref\n0") if b"xref\n0" in plain else 0
    yield "xref-prev-self.pdf", page_pdf(TEXT, trailer=b"/Prev %d" % at), False
    yield "xref-prev-far.pdf", page_pdf(TEXT, trailer=b"/Prev 99999999999"), False
    yield "xref-size-lies.pdf", plain.replace(b"/Size 6", b"/Size 2147483647"), False
    yield "xref-count-lies.pdf", plain.replace(b"xref\n0 6", b"xref\n0 2000000000"), False
    yield "xref-none.pdf", plain[:at] + b"trailer\n<</Root 1 0 R>>\n", False
    yield "xref-negative.pdf", plain.replace(b"startxref\n", b"startxref\n-"), False
    yield "root-self.pdf", pdf({1: b"1 0 R"}), False
    yield "root-missing.pdf", pdf({1: b"null"}), False
    yield "header-late.pdf", b"x" * 1000 + plain, False
    yield "header-only.pdf", b"%PDF-1.7\n", False
    yield "header-twice.pdf", b"%PDF-1.7\n" + plain + plain, False
    for name, extends, first, count in (("self", 6, 8, 1), ("lies", 6, 2000000000, 2000000000), ("negative", 6, -8, -1)):
        rows = [struct.pack(">BHB", 0, 0, 0)] + [struct.pack(">BHB", 2, 6, i) for i in range(6)]
        body = (b"%PDF-1.5\n6 0 obj\n" + stream(
            b"1 0 2 9 <</A 6 0 R>>", b"/Type/ObjStm/N %d/First %d/Extends %d 0 R" % (count, first, extends)) +
            b"\nendobj\n")
        table = len(body)
        rows.append(struct.pack(">BHB", 1, table, 0))
        body += b"7 0 obj\n" + stream(b"".join(rows), b"/Type/XRef/W[1 2 1]/Size 8/Root 1 0 R/Prev %d" % table, True)
        yield f"objstm-{name}.pdf", body + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % table, False
    for name, widths in (("huge", b"[8 9999 8]"), ("negative", b"[-1 2 1]"), ("none", b"[0 0 0]")):
        body = b"%PDF-1.5\n7 0 obj\n" + stream(b"\1\0\1\0" * 9, b"/Type/XRef/W%s/Size 2147483647/Index[0 2147483647]"
                                               b"/Root 1 0 R" % widths)
        yield f"xref-widths-{name}.pdf", body + b"\nendobj\nstartxref\n9\n%%EOF\n", False


def side_structures():
    outline = {6: b"<</Type/Outlines/First 7 0 R/Last 7 0 R/Count 9>>",
               7: b"<</Title(a)/Parent 6 0 R/Next 7 0 R/First 7 0 R/Dest[3 0 R/Fit]>>"}
    yield "outline-self.pdf", page_pdf(TEXT, more=outline, catalog=b"/Outlines 6 0 R"), False
    deep = {6: b"<</Type/Outlines/First 7 0 R>>"}
    for i in range(n(20000)):
        deep[7 + i] = b"<</Title(a)/Parent %d 0 R/First %d 0 R/Dest[3 0 R/Fit]>>" % (6 + i, 8 + i)
    yield "outline-deep.pdf", page_pdf(TEXT, more=deep, catalog=b"/Outlines 6 0 R"), False
    wide = {6: b"<</Type/Outlines/First 7 0 R>>"}
    for i in range(n(50000)):
        wide[7 + i] = b"<</Title(Heading %d)/Parent 6 0 R/Next %d 0 R/Dest[3 0 R/Fit]>>" % (i, 8 + i)
    yield "outline-wide.pdf", lambda: page_pdf(TEXT, more=wide, catalog=b"/Outlines 6 0 R"), True
    yield "labels-self.pdf", page_pdf(TEXT, more={6: b"<</Kids[6 0 R]/Limits[0 9]>>"},
                                      catalog=b"/PageLabels 6 0 R"), False
    yield "labels-huge.pdf", page_pdf(TEXT, catalog=b"/PageLabels<</Nums[0<</S/r/St 2000000000>>]>>"), False
    yield "names-self.pdf", page_pdf(TEXT, more={6: b"<</Kids[6 0 R]>>"},
                                     catalog=b"/Names<</EmbeddedFiles 6 0 R/Dests 6 0 R>>"), False
    yield "fields-self.pdf", page_pdf(TEXT, more={6: b"<</T(a)/FT/Tx/V(b)/Kids[6 0 R]/Parent 6 0 R/Subtype/Widget>>"},
                                      page=b"/Annots[6 0 R]", catalog=b"/AcroForm<</Fields[6 0 R]>>"), False
    yield "annots-self.pdf", page_pdf(TEXT, more={6: b"<</Subtype/Text/Contents(a)/Popup 6 0 R/IRT 6 0 R/Rect[0 0 9 9]>>"},
                                      page=b"/Annots[6 0 R 6 0 R 3 0 R null (a)]"), False
    yield "annots-many.pdf", lambda: page_pdf(TEXT, more={6: b"<</Subtype/Text/Contents(note)/Rect[0 0 9 9]>>"},
                                      page=b"/Annots[%s]" % (b"6 0 R " * n(100000))), True
    yield "structure-self.pdf", page_pdf(
        TEXT, more={6: b"<</Type/StructTreeRoot/K 7 0 R/RoleMap<</A/B/B/A>>>>",
                    7: b"<</S/A/P 6 0 R/K[7 0 R 7 0 R]/Pg 3 0 R>>"},
        catalog=b"/StructTreeRoot 6 0 R/MarkInfo<</Marked true>>"), False
    tags = {6: b"<</Type/StructTreeRoot/K 7 0 R>>"}
    for i in range(n(20000)):
        tags[7 + i] = b"<</S/Div/P %d 0 R/K %d 0 R/Pg 3 0 R>>" % (6 + i, 8 + i)
    yield "structure-deep.pdf", page_pdf(TEXT, more=tags, catalog=b"/StructTreeRoot 6 0 R/MarkInfo<</Marked true>>"), False
    yield "attached-self.pdf", page_pdf(TEXT, more={6: b"<</Type/Filespec/F(../../etc/passwd)/EF<</F 6 0 R>>>>"},
                                        catalog=b"/Names<</EmbeddedFiles<</Names[(a)6 0 R]>>>>"), False
    yield "actions.pdf", page_pdf(TEXT, catalog=b"/OpenAction<</S/Launch/F(/bin/sh)/Next<</S/JavaScript/JS(app.alert(1))"
                                  b"/Next<</S/URI/URI(file:///etc/passwd)>>>>>>"), False
    yield "info-self.pdf", page_pdf(TEXT, more={6: b"<</Title 6 0 R/Author[6 0 R]>>"}, trailer=b"/Info 6 0 R"), False
    yield "info-huge.pdf", page_pdf(TEXT, more={6: b"<</Title(%s)>>" % (b"title " * n(200000))}, trailer=b"/Info 6 0 R"), False
    yield "encrypt-broken.pdf", page_pdf(TEXT, more={6: b"<</Filter/Standard/V 5/R 6/Length -1/O(x)/U(y)/P 0>>"},
                                         trailer=b"/Encrypt 6 0 R/ID[(a)(b)]"), False
    yield "encrypt-self.pdf", page_pdf(TEXT, more={6: b"<</Filter 6 0 R/V 6 0 R>>"}, trailer=b"/Encrypt 6 0 R"), False


def fonts():
    def with_map(cmap):
        return page_pdf(b"BT /C 12 Tf 72 700 Td <00010002> Tj ET", resources=b"/Font<</C 6 0 R>>", more={
            6: b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[7 0 R]/ToUnicode 8 0 R>>",
            7: b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
               b"/Supplement 0>>/DW 1000>>", 8: stream(cmap)})
    yield "cmap-range.pdf", with_map(b"1 beginbfrange <0000> <FFFFFFFF> <0041> endbfrange"), False
    yield "cmap-many.pdf", lambda: with_map(b"1 beginbfrange " + b"<0000> <FFFF> <0041> " * n(5000) + b"endbfrange"), True
    yield "cmap-use-self.pdf", with_map(b"/X usecmap 1 beginbfchar <0001> <D800> endbfchar"), False
    yield "cmap-long.pdf", with_map(b"1 beginbfchar <0001> <" + b"0041" * n(200000) + b"> endbfchar"), False
    yield "font-self.pdf", page_pdf(TEXT, resources=b"/X 3 0 R", more={
        6: b"<</Type/Font/Subtype/Type0/DescendantFonts[6 0 R]/Encoding 6 0 R/ToUnicode 6 0 R>>"},
        page=b"/Resources<</Font<</F 6 0 R>>>>"), False
    yield "widths-huge.pdf", page_pdf(b"BT /W 9 Tf (a) Tj ET", resources=b"/Font<</W 6 0 R>>", more={
        6: b"<</Type/Font/Subtype/TrueType/FirstChar -2000000000/LastChar 2000000000/Widths[1e30 -1e30]>>"}), False
    yield "font-file-broken.pdf", page_pdf(b"BT /W 9 Tf (abc) Tj ET", resources=b"/Font<</W 6 0 R>>", more={
        6: b"<</Type/Font/Subtype/TrueType/BaseFont/Y/FontDescriptor 7 0 R>>",
        7: b"<</Type/FontDescriptor/FontName/Y/Flags 4/FontFile2 8 0 R>>",
        8: stream(b"\0\1\0\0\xff\xff" + b"glyfloca" * 999)}), False


def files():
    for part in (page_trees, boxes, forms, contents, filters, tables, side_structures, fonts):
        yield from part()
