#!/usr/bin/env python3
"""Writes the documents of tests/golden/office: office packages part by part, as small as they can be and
still hold what parsers get wrong, and broken ones. Run it from anywhere; it needs nothing but Python. What
Carrel makes of them stands in NAME.expected (GOLDEN=write build/tests/test_ingest_formats, then read)."""
import os
import struct
import zipfile
import zlib

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "office")
OOXML = "http://schemas.openxmlformats.org/"
DOC = OOXML + "officeDocument/2006/relationships"
W = (f'xmlns:w="{OOXML}wordprocessingml/2006/main" xmlns:r="{DOC}" '
     f'xmlns:m="{OOXML}officeDocument/2006/math" xmlns:a="{OOXML}drawingml/2006/main" xmlns:pic="{OOXML}drawingml/2006/picture" '
     f'xmlns:mc="{OOXML}markup-compatibility/2006" xmlns:v="urn:schemas-microsoft-com:vml"')
X = f'xmlns="{OOXML}spreadsheetml/2006/main" xmlns:r="{DOC}"'
P = (f'xmlns:p="{OOXML}presentationml/2006/main" xmlns:a="{OOXML}drawingml/2006/main" '
     f'xmlns:r="{DOC}" xmlns:c="{OOXML}drawingml/2006/chart"')
ODF = " ".join(f'xmlns:{k}="urn:oasis:names:tc:opendocument:xmlns:{v}:1.0"' for k, v in
               dict(office="office", text="text", table="table", style="style", draw="drawing",
                    presentation="presentation", fo="xsl-fo-compatible", svg="svg-compatible",
                    manifest="manifest").items()) + ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'


def package(name, parts, stored=()):
    with zipfile.ZipFile(os.path.join(HERE, name), "w", zipfile.ZIP_DEFLATED) as z:
        for part, body in parts.items():
            info = zipfile.ZipInfo(part, (2024, 5, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if part in stored else zipfile.ZIP_DEFLATED
            z.writestr(info, body)


def write(name, body):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(body if isinstance(body, bytes) else body.encode("utf-8"))


def png(width, height):
    """A grey picture without a letter."""
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = (b"\0" + b"\x80" * width) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def relations(*items):
    rows = "".join(f'<Relationship Id="{i}" Type="{DOC}/{t}" Target="{to}"/>' for i, t, to in items)
    return f'<Relationships xmlns="{OOXML}package/2006/relationships">{rows}</Relationships>'


def core(title="", language=""):
    return (f'<cp:coreProperties xmlns:cp="{OOXML}package/2006/metadata/core-properties" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title>'
            f'<dc:language>{language}</dc:language></cp:coreProperties>')


# ---- DOCX ---------------------------------------------------------------------------------------

def run(text, properties=""):
    rpr = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{rpr}<w:t xml:space="preserve">{text}</w:t></w:r>'


def par(content, properties=""):
    ppr = f"<w:pPr>{properties}</w:pPr>" if properties else ""
    if content and not content.startswith("<"):
        content = run(content)
    return f"<w:p>{ppr}{content}</w:p>"


def style(name, more=""):
    return f'<w:pStyle w:val="{name}"/>{more}'


def item(text, level=0, number=1):
    return par(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def cell(content, properties=""):
    content = content if content.startswith("<") else par(content)
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content}</w:tc>"


def row(*cells, head=False):
    return f'<w:tr>{"<w:trPr><w:tblHeader/></w:trPr>" if head else ""}{"".join(cells)}</w:tr>'


def table(*rows):
    return f'<w:tbl>{"".join(rows)}</w:tbl>'


STYLES = (f'<w:styles {W}><w:docDefaults><w:rPrDefault><w:rPr><w:lang w:val="de-DE"/></w:rPr></w:rPrDefault>'
          '</w:docDefaults>'
          '<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>'
          '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/><w:pPr>'
          '<w:numPr><w:numId w:val="3"/></w:numPr><w:outlineLvl w:val="0"/></w:pPr></w:style>'
          '<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/><w:pPr>'
          '<w:numPr><w:ilvl w:val="1"/><w:numId w:val="3"/></w:numPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
          '<w:style w:type="paragraph" w:styleId="Eigene"><w:name w:val="Eigene"/>'
          '<w:basedOn w:val="berschrift2"/></w:style>'
          '<w:style w:type="paragraph" w:styleId="V1"><w:name w:val="toc 1"/></w:style>'
          '<w:style w:type="paragraph" w:styleId="B"><w:name w:val="caption"/></w:style>'
          '<w:style w:type="paragraph" w:styleId="Kreis1"><w:name w:val="k1"/><w:basedOn w:val="Kreis2"/></w:style>'
          '<w:style w:type="paragraph" w:styleId="Kreis2"><w:name w:val="k2"/><w:basedOn w:val="Kreis1"/></w:style>'
          '<w:style w:type="character" w:styleId="Geheim"><w:name w:val="g"/><w:rPr><w:vanish/></w:rPr></w:style>'
          '</w:styles>')


def level(at, fmt, text, start=1):
    return (f'<w:lvl w:ilvl="{at}"><w:start w:val="{start}"/><w:numFmt w:val="{fmt}"/>'
            f'<w:lvlText w:val="{text}"/></w:lvl>')


NUMBERING = (f'<w:numbering {W}><w:abstractNum w:abstractNumId="0">{level(0, "decimal", "%1.")}'
             f'{level(1, "lowerLetter", "%2)")}{level(2, "lowerRoman", "%3.")}</w:abstractNum>'
             f'<w:abstractNum w:abstractNumId="1">{level(0, "bullet", "o")}</w:abstractNum>'
             f'<w:abstractNum w:abstractNumId="2">{level(0, "decimal", "%1")}{level(1, "decimal", "%1.%2")}'
             '</w:abstractNum>'
             '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
             '<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
             '<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>'
             '<w:num w:numId="4"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0">'
             '<w:startOverride w:val="7"/></w:lvlOverride></w:num></w:numbering>')


def docx(name, body, more=None, extra_relations=()):
    parts = {"[Content_Types].xml": "<Types/>",
             "_rels/.rels": relations(("a", "officeDocument", "word/document.xml")),
             "word/document.xml": f'<w:document {W}><w:body>{body}</w:body></w:document>',
             "word/_rels/document.xml.rels": relations(
                 ("s", "styles", "styles.xml"), ("n", "numbering", "numbering.xml"), *extra_relations),
             "word/styles.xml": STYLES, "word/numbering.xml": NUMBERING}
    parts.update(more or {})
    package(name, parts)


def report():
    box = par(run("Box text") + "", "")
    fallback = par("Box text that older programs show")
    boxed = ("<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><w:txbxContent>" + box +
             "</w:txbxContent></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>" + fallback +
             "</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r>")
    fraction = ("<m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>c</m:t></m:r></m:den>"
                "</m:f><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
                "<m:rad><m:deg/><m:e><m:d><m:e><m:r><m:t>y</m:t></m:r></m:e></m:d></m:e></m:rad></m:oMath>")
    doses = table(
        row(cell("Drug", '<w:vMerge w:val="restart"/>'), cell("Dose", '<w:gridSpan w:val="2"/>'), head=True),
        row(cell("", "<w:vMerge/>"), cell("child"), cell("adult"), head=True),
        row(cell("Amoxicillin", '<w:vMerge w:val="restart"/>'), cell("250 mg"), cell("500 mg")),
        row(cell("", "<w:vMerge/>"), cell("125 mg"), cell("")))
    nested = table(row(cell("Outer"), cell(table(row(cell("in 1"), cell("in 2")), row(cell("in 3"), cell("in 4"))))),
                   row(cell("Below"), cell(item("point", 0, 2) + item("other", 0, 2))))
    body = (
        par("Pump handbook", style("Titel"))
        + par(run("Foreword") + "<w:r><w:tab/></w:r>" + run("3"), style("V1"))
        + par("Pumps", style("berschrift1")) + par("Priming", style("berschrift2"))
        + par("By a style of our own", style("Eigene"))
        + item("Open the valve", 0) + item("slowly", 1) + item("very", 2) + item("fully", 1) + item("Close it", 0)
        + item("Seven", 0, 4) + item("Bullet", 0, 2)
        + par(run("Kept ") + "<w:ins w:id='1'>" + run("inserted ") + "</w:ins><w:del w:id='2'><w:r>"
              "<w:delText>deleted</w:delText></w:r></w:del>" + run("SECRET", "<w:vanish/>")
              + run("SECRET", '<w:rStyle w:val="Geheim"/>') + run("10") + run("5", '<w:vertAlign w:val="superscript"/>')
              + run(" units") + "<w:r><w:footnoteReference w:id='2'/></w:r><w:r><w:endnoteReference w:id='2'/></w:r>"
              "<w:r><w:commentReference w:id='0'/></w:r>")
        + par(run("Before the box. ") + boxed + run("Behind it."))
        + par("Dose of amoxicillin", style("B")) + doses + par("") + nested
        + par("<w:sdt><w:sdtPr><w:id w:val='1'/></w:sdtPr><w:sdtContent>" + run("☒") + "</w:sdtContent></w:sdt>"
              + run(" Checked"))
        + par(fraction) + par('<w:r><w:sym w:font="Symbol" w:char="F06D"/></w:r>' + run("g"))
        + par("<w:r><w:br w:type='page'/></w:r>")
        + par("<w:r><w:lastRenderedPageBreak/></w:r>" + run("On page two") + "<w:r><w:br/></w:r>" + run("second line"))
        + par("".join(f"<w:r><w:drawing><pic:pic><a:blip r:embed='{i}'/></pic:pic></w:drawing></w:r>" for i in "pqpx") + run("Circle"), style("Kreis1"))
        + "<w:altChunk r:id='k'/>")
    notes = f'<w:footnotes {W}><w:footnote w:type="separator" w:id="0">{par("----")}</w:footnote><w:footnote w:id="2">{par("See chapter 4.")}</w:footnote></w:footnotes>'
    ends = f'<w:endnotes {W}><w:endnote w:id="2">{par("At the end.")}</w:endnote></w:endnotes>'
    comments = f'<w:comments {W}><w:comment w:id="0" w:author="Ada">{par("Is this right?")}</w:comment></w:comments>'
    head = f'<w:hdr {W}>{par("Running head")}</w:hdr>'
    docx("report.docx", body, {"word/footnotes.xml": notes, "word/endnotes.xml": ends, "word/comments.xml": comments,
                               "word/header1.xml": head, "word/media/scan.png": png(400, 200), "word/media/icon.png": png(20, 20),
                               "word/more.html": "<html><body><p>Put in when it is printed.</p></body></html>"},
         (("f", "footnotes", "footnotes.xml"), ("e", "endnotes", "endnotes.xml"), ("c", "comments", "comments.xml"),
          ("h", "header", "/word/header1.xml"), ("p", "image", "media/scan.png"), ("q", "image", "media/icon.png"), ("k", "aFChunk", "more.html")))


# ---- what a reader does not see, and heads of two rows -------------------------------------------

WHITE, DARK = '<w:color w:val="FFFFFF"/>', '<w:shd w:val="clear" w:color="auto" w:fill="1F3864"/>'


def unseen_docx():
    extra = ('<w:style w:type="paragraph" w:styleId="Weiss"><w:name w:val="Weiss"/><w:rPr><w:color w:val="FEFEFE"/></w:rPr></w:style>'
             '<w:style w:type="paragraph" w:styleId="Weisser"><w:name w:val="Weisser"/><w:basedOn w:val="Weiss"/></w:style>'
             '<w:style w:type="paragraph" w:styleId="Dunkel"><w:name w:val="Dunkel"/><w:pPr><w:shd w:val="clear" w:fill="203050"/></w:pPr><w:rPr><w:color w:val="FFFFFF"/></w:rPr></w:style>'
             '<w:style w:type="table" w:styleId="Bunt"><w:name w:val="Bunt"/><w:tblStylePr w:type="firstRow"><w:rPr><w:color w:val="FFFFFF"/></w:rPr><w:tcPr><w:shd w:val="clear" w:fill="4472C4"/></w:tcPr></w:tblStylePr></w:style>')
    body = (par("The lift is inspected in May.") + par(run("SECRET white on paper.", WHITE)) + par(run("SECRET one point.", '<w:sz w:val="2"/>'))
            + par("SECRET by its style.", style("Weiss")) + par(run("SECRET by the style below. ") + run("Black again.", '<w:color w:val="000000"/>'), style("Weisser"))
            + par(run("White on a dark paragraph.", WHITE), DARK) + par("White on the ground of its style.", style("Dunkel"))
            + par(run("White on a dark run.", WHITE + DARK)) + par(run("White on a marker.", WHITE + '<w:highlight w:val="black"/>'))
            + par(run("SECRET on white.", WHITE + '<w:shd w:val="clear" w:fill="FFFFFF"/>'))
            + par('<w:r><w:pict><v:shape><v:textbox><w:txbxContent>' + par(run("White in a box.", WHITE)) + "</w:txbxContent></v:textbox></v:shape></w:pict></w:r>")
            + table(row(cell(par(run("Dose", WHITE)), DARK), cell("Route")), row(cell("65 mg"), cell(par(run("oral") + run(" SECRET in a plain cell", WHITE)))))
            + table('<w:tblPr><w:tblStyle w:val="Bunt"/></w:tblPr>', row(cell(par(run("Head of a coloured table", WHITE))), cell("x")), row(cell("1"), cell("2"))))
    docx("unseen.docx", body, {"word/styles.xml": STYLES.replace("</w:styles>", extra + "</w:styles>")})
    docx("backdrop.docx", par(run("White on a coloured page.", WHITE)),
         {"word/document.xml": f'<w:document {W}><w:background w:color="203864"/><w:body>{par(run("White on a coloured page.", WHITE))}</w:body></w:document>'})


def heads():
    span, down, on = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    docx("heads.docx", table(row(cell("Staff"), cell("Allowance", span)), row(cell(""), cell("Weekday"), cell("Sunday")), row(cell("Nurse"), cell("300"), cell("650")))
         + par("merged down")
         + table(row(cell("Room", down), cell("Price", span)), row(cell("", on), cell("Day"), cell("Night")), row(cell("Single"), cell("1200"), cell("900")))
         + par("all span")
         + table(row(cell("Old", span), cell("New", span)), row(cell("Code"), cell("Price"), cell("Code"), cell("Price")), row(cell("A1"), cell("10"), cell("B1"), cell("12")))
         + par("years, and a row without a name")
         + table(row(cell("Item"), cell("Price", span)), row(cell(""), cell("2023"), cell("2024")), row(cell("Soap"), cell("10"), cell("12")))
         + table(row(cell("Item"), cell("Price", span)), row(cell(""), cell("10"), cell("12")), row(cell("Salt"), cell("3"), cell("4")))
         + par("no second row")
         + table(row(cell("Item"), cell("Price", span)), row(cell("Soap"), cell("10"), cell("12")), row(cell("Salt"), cell("3"), cell("4"))))


# ---- XLSX -------------------------------------------------------------------------------------

def xlsx(name, sheets, strings=(), styles="", more=None, states=()):
    names = "".join(f'<sheet name="{n}" sheetId="{i}" r:id="r{i}"{"" if n not in states else " state=" + chr(34) + "hidden" + chr(34)}/>'
                    for i, n in enumerate(sheets, 1))
    parts = {"[Content_Types].xml": "<Types/>", "xl/workbook.xml": f'<workbook {X}><sheets>{names}</sheets></workbook>',
             "xl/_rels/workbook.xml.rels": relations(("s", "sharedStrings", "sharedStrings.xml"), ("y", "styles", "styles.xml"), *[
                 (f"r{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(sheets) + 1)]),
             "xl/sharedStrings.xml": f'<sst {X}>{"".join(f"<si>{s}</si>" for s in strings)}</sst>',
             "xl/styles.xml": f'<styleSheet {X}>{styles}</styleSheet>'}
    for i, body in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{i}.xml"] = f'<worksheet {X}>{body}</worksheet>'
    parts.update(more or {})
    package(name, parts)


def cells(*rows):
    """Rows of (reference, value, attributes); a str value that is no shared string is inline."""
    out = ""
    for number, line in rows:
        out += f'<row r="{number}">'
        for column, value, *more in line:
            attributes = " ".join(more)
            if isinstance(value, str):
                out += f'<c r="{column}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
            else:
                out += f'<c r="{column}{number}" {attributes}><v>{value}</v></c>'
        out += "</row>"
    return f"<sheetData>{out}</sheetData>"


def book():
    formats = ['<numFmt numFmtId="164" formatCode="#,##0.00&quot; kg&quot;"/>', '<numFmt numFmtId="165" formatCode="[$€-407]#,##0;[Red]-[$€-407]#,##0"/>',
               '<numFmt numFmtId="166" formatCode="d\\ mmmm\\ yyyy"/>', '<numFmt numFmtId="167" formatCode="[h]:mm"/>']
    ids = [0, 14, 9, 4, 164, 165, 166, 167, 22]
    styles = f'<numFmts>{"".join(formats)}</numFmts><cellXfs>{"".join(f"<xf numFmtId=%s/>" % (chr(34) + str(i) + chr(34)) for i in ids)}</cellXfs>'
    stock = cells(
        (1, [("A", "Stock of the clinic")]),
        (2, [("A", 0, 't="s"'), ("B", "Date"), ("C", "Share"), ("D", "Weight"), ("E", "Value"), ("F", "Ok")]),
        (3, [("A", 1, 't="s"'), ("B", 45413, 's="1"'), ("C", 0.256, 's="2"'), ("D", 1234.5, 's="4"'), ("E", -1500, 's="5"'), ("F", 1, 't="b"')]),
        (4, [("A", "Iron"), ("B", 45414.5, 's="8"'), ("C", 1, 's="2"'), ("D", 4.4000000000000004), ("E", "#N/A"), ("F", 0, 't="b"')]),
        (6, [("A", "Total"), ("D", 12345678, 's="3"')]),
        (10, [("A", "Left"), ("B", "Figure"), ("D", "Right"), ("E", "Number")]),
        (11, [("A", "x"), ("B", 1), ("D", "y"), ("E", 45413, 's="6"')]),
        (12, [("A", "z"), ("B", 2), ("D", "w"), ("E", 1.5, 's="7"')]))
    merged = cells(
        (1, [("A", "Region"), ("B", "Sales")]), (2, [("B", "2023"), ("C", "2024")]),
        (3, [("A", "North"), ("B", 5), ("C", 6)]), (4, [("B", 7), ("C", 8)])) + (
        '<mergeCells><mergeCell ref="A1:A2"/><mergeCell ref="B1:C1"/><mergeCell ref="A3:A4"/></mergeCells>')
    heads = [f"A rather long heading number {i}" for i in range(14)]
    wide = cells((1, [(chr(65 + i), h) for i, h in enumerate(heads)]), (2, [(chr(65 + i), i * 10) for i in range(14)]))
    comments = (f'<comments {X}><authors><author>Ada</author></authors><commentList><comment ref="A3" authorId="0">'
                '<text><r><t>Counted twice</t></r></text></comment></commentList></comments>')
    xlsx("book.xlsx", {"Stock": stock, "Merged": merged, "Wide": wide, "Secret": cells((1, [("A", "Never show this")]))},
         ["<t>Drug</t>", "<r><t>Amoxi</t></r><r><t>cillin</t></r><rPh><t>ruby</t></rPh>"], styles,
         {"xl/comments1.xml": comments, "xl/worksheets/_rels/sheet1.xml.rels": relations(("c", "comments", "../comments1.xml"))},
         ("Secret",))


def hidden_book():
    font = lambda colour="", size=11: f'<font><sz val="{size}"/>{colour}</font>'
    fill = lambda inner: f"<fill>{inner}</fill>"
    solid = lambda c: f'<patternFill patternType="solid"><fgColor rgb="FF{c}"/></patternFill>'
    fonts = font() + font('<color rgb="FFFFFFFF"/>') + font("", 1) + font('<color rgb="FF203060"/>') + font('<color theme="0"/>') + font('<color theme="0" tint="-0.25"/>')
    fills = fill('<patternFill patternType="none"/>') + fill('<patternFill patternType="gray125"/>') + fill(solid("203060")) + fill(solid("FFFFFF"))
    looks = [(0, 0, 0), (0, 1, 0), (0, 1, 2), (0, 2, 0), (0, 3, 2), (164, 0, 0), (0, 4, 3), (0, 5, 0), (165, 0, 0)]
    styles = (f'<numFmts><numFmt numFmtId="164" formatCode=";;;"/><numFmt numFmtId="165" formatCode="0;0;;@"/></numFmts><fonts>{fonts}</fonts><fills>{fills}</fills>'
              f'<cellXfs>{"".join(f"<xf numFmtId=%d fontId=%d fillId=%d/>".replace("%d", chr(34) + "%d" + chr(34)) % l for l in looks)}</cellXfs>')
    text = lambda at, t, s=0: f'<c r="{at}" s="{s}" t="inlineStr"><is>{t if t.startswith("<") else "<t>" + t + "</t>"}</is></c>'
    number = lambda at, v, s=0: f'<c r="{at}" s="{s}"><v>{v}</v></c>'
    row_ = lambda n, *c, more="": f'<row r="{n}" {more}>{"".join(c)}</row>'
    first = ('<cols><col min="4" max="4" hidden="1"/><col min="5" max="5" hidden="1" outlineLevel="1"/></cols><sheetData>'
             + row_(1, text("A1", "Name"), text("B1", "Dose"), text("C1", "Note"), text("D1", "SECRET"), text("E1", "Group"))
             + row_(2, text("A2", "Iron"), number("B2", 65), text("C2", "SECRET white", 1), text("D2", "SECRET"), text("E2", "folded"))
             + row_(3, text("A3", "Zinc"), number("B3", 10), text("C3", "White on blue", 2), more='ht="15"')
             + row_(4, text("A4", "SECRET row"), number("B4", 1), more='hidden="1"')
             + row_(5, text("A5", "Folded"), number("B5", 2), text("C5", "SECRET tiny", 3), more='hidden="1" outlineLevel="1"')
             + row_(6, text("A6", "Salt"), number("B6", 4711, 5), text("C6", "SECRET blue on blue", 4))
             + row_(7, text("A7", "Milk"), number("B7", 0, 8), text("C7", "SECRET format", 5))
             + row_(8, text("A8", "Oil"), number("B8", 9), text("C8", "<r><t>Shown</t></r><r><rPr><color rgb=\"FFFFFFFF\"/></rPr><t> SECRET run</t></r>"))
             + row_(9, text("A9", "Egg"), number("B9", 8), text("C9", "SECRET theme", 6)) + row_(10, text("A10", "Oat"), number("B10", 7), text("C10", "Grey", 7))
             + row_(11, text("A11", "SECRET flat"), more='ht="0" customHeight="1"')
             + row_(12, text("A12", "Rye"), number("B12", 6), text("C12", "Painted by a rule", 1))
             + '</sheetData><conditionalFormatting sqref="C12 C13:C14"><cfRule type="expression"/></conditionalFormatting>')
    filtered = ("<sheetData>" + row_(1, text("A1", "City"), text("B1", "Sales")) + row_(2, text("A2", "Rome"), number("B2", 3)) + row_(3, text("A3", "Oslo"), number("B3", 4), more='hidden="1"')
                + '</sheetData><autoFilter ref="A1:B3"><filterColumn colId="0"/></autoFilter>')
    xlsx("hidden.xlsx", {"Stock": first, "Filtered": filtered}, (), styles)


# ---- PPTX ---------------------------------------------------------------------------------------

def shape(paragraphs, place="", at=None):
    ph = f"<p:nvSpPr><p:nvPr>{place}</p:nvPr></p:nvSpPr>"
    xfrm = f'<p:spPr><a:xfrm><a:off x="{at[0]}" y="{at[1]}"/><a:ext cx="{at[2]}" cy="{at[3]}"/></a:xfrm></p:spPr>' if at else "<p:spPr/>"
    return f'<p:sp>{ph}{xfrm}<p:txBody>{"".join(paragraphs)}</p:txBody></p:sp>'


def line(text, properties=""):
    return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"


def pptx(name, slides, more=None, hidden=()):
    ids = "".join(f'<p:sldId id="{255 + i}" r:id="r{i}"/>' for i in range(1, len(slides) + 1))
    parts = {"[Content_Types].xml": "<Types/>", "ppt/presentation.xml": f"<p:presentation {P}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
             "ppt/_rels/presentation.xml.rels": relations(*[(f"r{i}", "slide", f"slides/slide{i}.xml") for i in range(1, len(slides) + 1)])}
    for i, body in enumerate(slides, 1):
        parts[f"ppt/slides/slide{i}.xml"] = f'<p:sld {P}{" show=" + chr(34) + "0" + chr(34) if i in hidden else ""}><p:cSld><p:spTree>{body}</p:spTree></p:cSld></p:sld>'
    parts.update(more or {})
    package(name, parts)


def slides():
    tbl = ('<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow="1"/>'
           + "".join("<a:tr>" + "".join(f"<a:tc><a:txBody>{line(t)}</a:txBody></a:tc>" for t in r) + "</a:tr>" for r in (("Drug", "Dose"), ("Iron", "65 mg")))
           + "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>")
    first = (shape([line("Lower box")], at=(100, 5000000, 100, 100)) + shape([line("Upper box")], at=(100, 1000000, 100, 100))
             + shape([line("Iron in pregnancy")], '<p:ph type="title"/>', (0, 0, 100, 100)) + shape([line("7")], '<p:ph type="sldNum"/>', (0, 6000000, 9, 9)))
    second = (shape([line("What to do")], '<p:ph type="title"/>') + shape([line("Ask"), line("Test", '<a:pPr lvl="1"/>'), line("Plain", "<a:pPr><a:buNone/></a:pPr>"),
              line("First", '<a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr>'), line("Second", '<a:pPr><a:buAutoNum type="arabicPeriod"/></a:pPr>')], '<p:ph idx="1"/>')
              + "<p:grpSp><p:grpSpPr/>" + shape([line("In a group")]) + "</p:grpSp>" + tbl + '<p:graphicFrame><a:graphic><a:graphicData><c:chart r:id="c"/></a:graphicData></a:graphic></p:graphicFrame><p:pic/>')
    third = shape([line("Not in the show")], '<p:ph type="title"/>')
    points = lambda kind, values: f'<c:{kind}><c:numRef><c:numCache>{"".join(f"<c:pt idx=%s><c:v>{v}</c:v></c:pt>" % (chr(34) + str(i) + chr(34)) for i, v in enumerate(values))}</c:numCache></c:numRef></c:{kind}>'
    chart = (f'<c:chartSpace {P}><c:chart><c:title><c:tx><c:rich>{line("Births by year")}</c:rich></c:tx></c:title><c:ser><c:tx><c:strRef><c:strCache>'
             f'<c:pt idx="0"><c:v>Births</c:v></c:pt></c:strCache></c:strRef></c:tx>{points("cat", (2023, 2024))}{points("val", (12, "4.4000000000000004"))}</c:ser></c:chart></c:chartSpace>')
    notes = f'<p:notes {P}><p:cSld><p:spTree>{shape([line("3")], "<p:ph type=%s/>" % (chr(34) + "sldNum" + chr(34)))}{shape([line("Say hello first.")], "<p:ph type=%s/>" % (chr(34) + "body" + chr(34)))}</p:spTree></p:cSld></p:notes>'
    pptx("slides.pptx", [first, second, third],
         {"ppt/slides/_rels/slide2.xml.rels": relations(("n", "notesSlide", "../notesSlides/n.xml"), ("c", "chart", "../charts/c.xml")),
          "ppt/notesSlides/n.xml": notes, "ppt/charts/c.xml": chart, "docProps/core.xml": core("PowerPoint Presentation", "en-GB")}, (3,))


def hidden_slides():
    def letters(text, colour="", more="", fill=""):
        inner = f'<a:solidFill><a:{colour}/></a:solidFill>' if colour else ""
        return f'<a:p><a:r><a:rPr {more}>{inner}{fill}</a:rPr><a:t>{text}</a:t></a:r></a:p>'

    def box(paragraph, at, fill="", name='name="b"'):
        place = f'<a:xfrm><a:off x="{at[0]}" y="{at[1]}"/><a:ext cx="{at[2]}" cy="{at[3]}"/></a:xfrm>'
        return (f'<p:sp><p:nvSpPr><p:cNvPr id="2" {name}/><p:nvPr/></p:nvSpPr><p:spPr>{place}{fill}</p:spPr>'
                f'<p:txBody>{paragraph}</p:txBody></p:sp>')

    solid = lambda c: f'<a:solidFill><a:srgbClr val="{c}"/></a:solidFill>'
    white, left, below = 'srgbClr val="FFFFFF"', (0, 0, 100, 100), (0, 500, 100, 100)
    ground = lambda c: f"<p:bg><p:bgPr>{solid(c)}</p:bgPr></p:bg>"
    first = (box(letters("Seen."), left) + box(letters("SECRET white", white), left) + box(letters("SECRET scheme", 'schemeClr val="bg1"'), left)
             + box(letters("White on blue.", white), below, solid("203060")) + box(letters("SECRET tiny", "", 'sz="100"'), left)
             + box(letters("SECRET off", ""), (2000, 0, 100, 100)) + box(letters("SECRET object"), left, "", 'name="h" hidden="1"')
             + box(letters("SECRET glass", "", "", "<a:noFill/>"), left) + box(letters("White over the blue box.", white), (50, 550, 10, 10))
             + box(letters("SECRET in a white box", white), (0, 200, 50, 50), solid("FFFFFF")))
    pptx("hidden.pptx", [first, box(letters("SECRET slide"), left), box(letters("White on a dark slide.", white), left)],
         {"ppt/presentation.xml": f'<p:presentation {P}><p:sldIdLst>{"".join(f"<p:sldId r:id=%s/>" % (chr(34) + f"r{i}" + chr(34)) for i in (1, 2, 3))}</p:sldIdLst>'
                                  '<p:sldSz cx="1000" cy="1000"/></p:presentation>',
          "ppt/slides/slide3.xml": f'<p:sld {P}><p:cSld>{ground("102040")}<p:spTree>{box(letters("White on a dark slide.", white), left)}</p:spTree></p:cSld></p:sld>'}, (2,))


# ---- OpenDocument -------------------------------------------------------------------------------

def odf(name, kind, body, automatic="", more=None):
    parts = {"mimetype": f"application/vnd.oasis.opendocument.{kind}",
             "content.xml": f'<office:document-content {ODF}><office:automatic-styles>{automatic}</office:automatic-styles><office:body>{body}</office:body></office:document-content>',
             "styles.xml": f'<office:document-styles {ODF}><office:styles><style:default-style style:family="paragraph"><style:text-properties fo:language="fr"/></style:default-style>'
                           '<style:style style:name="Title" style:family="paragraph"/></office:styles></office:document-styles>',
             "META-INF/manifest.xml": f'<manifest:manifest {ODF}/>'}
    parts.update(more or {})
    package(name, parts, ("mimetype",))


def odt():
    automatic = ('<style:style style:name="T" style:family="paragraph" style:parent-style-name="Title"/>'
                 '<style:style style:name="H" style:family="text"><style:text-properties text:display="none"/></style:style>'
                 '<style:style style:name="S" style:family="text"><style:text-properties style:text-position="super 58%"/></style:style>'
                 '<style:style style:name="B" style:family="paragraph"><style:paragraph-properties fo:break-before="page"/></style:style>'
                 '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>'
                 '<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")" text:display-levels="2"/></text:list-style>'
                 '<text:list-style style:name="U"><text:list-level-style-bullet text:level="1" text:bullet-char="*"/></text:list-style>')
    p = lambda t, s="": f'<text:p text:style-name="{s}">{t}</text:p>'
    li = lambda *inner: f'<text:list-item>{"".join(inner)}</text:list-item>'
    tc = lambda t, more="": f"<table:table-cell {more}>{p(t)}</table:table-cell>"
    tr = lambda *cs: f'<table:table-row>{"".join(cs)}</table:table-row>'
    covered = "<table:covered-table-cell/>"
    body = ('<office:text><text:tracked-changes><text:changed-region><text:deletion>' + p("deleted") + "</text:deletion></text:changed-region></text:tracked-changes>"
            + p("Manuel de la pompe", "T") + '<text:h text:outline-level="2">Amorçage</text:h>'
            + '<text:list text:style-name="L">' + li(p("Ouvrir"), "<text:list>" + li(p("vite")) + li(p("bien")) + "</text:list>") + li(p("Fermer"), p("encore")) + "</text:list>"
            + '<text:list text:style-name="L" text:continue-numbering="true">' + li(p("Suite")) + "</text:list>"
            + '<text:list text:style-name="U">' + li(p("Point")) + "</text:list>"
            + p('Un<text:s text:c="2"/>texte\n  <text:span text:style-name="H">SECRET</text:span>10<text:span text:style-name="S">5</text:span><text:note><text:note-citation>1</text:note-citation>'
                '<text:note-body>' + p("Voir plus bas.") + "</text:note-body></text:note>.<office:annotation><dc:creator>Ada</dc:creator><dc:date>2024</dc:date>" + p("Sûr ?") + "</office:annotation>")
            + "<table:table><table:table-header-rows>" + tr(tc("Nom"), tc("Dose", 'table:number-columns-spanned="2"'), covered) + "</table:table-header-rows>"
            + tr(tc("Fer", 'table:number-rows-spanned="2"'), tc("65 mg"), tc("oral")) + tr(covered, tc("100 mg"), tc("iv")) + "</table:table>"
            + p('<draw:frame><draw:text-box>' + p("Boîte") + "</draw:text-box></draw:frame>Ancre") + p('Soit <draw:frame><draw:object xlink:href="./Object 1/"/></draw:frame>') + p("<draw:frame><draw:image/></draw:frame>Page deux", "B") + "</office:text>")
    formula = ('<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><msup><mi>x</mi><mn>2</mn></msup><mo>+</mo><mfrac><mrow><mi>a</mi><mo>+</mo>'
               '<mi>b</mi></mrow><msqrt><mi>c</mi></msqrt></mfrac></mrow><annotation>x^2</annotation></semantics></math>')
    odf("texte.odt", "text", body, automatic, {"Object 1/content.xml": formula})


def unseen_odt():
    # name, family, parent, text properties, paragraph properties
    rows = (("Blanc", "paragraph", "", 'fo:color="#ffffff"', ""), ("Plus", "paragraph", "Blanc", "", ""), ("Nuit", "paragraph", "Blanc", "", 'fo:background-color="#102040"'),
            ("b", "text", "", 'fo:color="#fefefe"', ""), ("n", "text", "", 'fo:color="#000000"', ""), ("d", "text", "", 'fo:color="#ffffff" fo:background-color="#000000"', ""),
            ("t", "text", "", 'fo:font-size="1pt"', ""), ("r", "text", "", 'fo:font-size="60%"', ""))
    automatic = "".join(f'<style:style style:name="{n}" style:family="{f}" style:parent-style-name="{of}"><style:paragraph-properties {p}/><style:text-properties {t}/></style:style>' for n, f, of, t, p in rows)
    automatic += '<style:style style:name="C" style:family="table-cell"><style:table-cell-properties fo:background-color="#203060"/></style:style>'
    p = lambda t, s="": f'<text:p text:style-name="{s}">{t}</text:p>'
    s = lambda t, n: f'<text:span text:style-name="{n}">{t}</text:span>'
    tc = lambda t, more="": f"<table:table-cell {more}>{t}</table:table-cell>"
    body = (p("Visible.") + p("SECRET", "Blanc") + p("SECRET par le parent. " + s("En noir.", "n"), "Plus") + p("Sur fond sombre.", "Nuit")
            + p("Un mot" + s(" SECRET", "b") + s(" SECRET", "t") + s(" petit", "r") + s(" sur noir", "d") + ".")
            + "<table:table><table:table-row>" + tc(p("Personnel")) + tc(p("Prime en blanc", "Blanc"), 'table:number-columns-spanned="2" table:style-name="C"') + "<table:covered-table-cell/></table:table-row>"
            + "<table:table-row>" + tc(p("")) + tc(p("Semaine")) + tc(p("Dimanche")) + "</table:table-row><table:table-row>" + tc(p("Garde")) + tc(p("200") + p("SECRET", "Blanc")) + tc(p("410")) + "</table:table-row></table:table>"
            + p("<draw:frame><draw:text-box>" + p("Boîte en blanc", "Blanc") + "</draw:text-box></draw:frame>"))
    odf("cache.odt", "text", f"<office:text>{body}</office:text>", automatic)


def ods():
    cell_ = lambda t, more="": f'<table:table-cell {more}><text:p>{t}</text:p></table:table-cell>'
    number = 'office:value-type="float"'
    rows = ('<table:table-row>' + cell_("Nom") + cell_("Dose") + '<table:table-cell table:number-columns-repeated="1022"/></table:table-row>'
            '<table:table-row table:number-rows-repeated="2">' + cell_("Fer", 'table:number-rows-spanned="1"') + cell_("65", number) + "</table:table-row>"
            '<table:table-row><table:table-cell office:value-type="string"><office:annotation><text:p>Note</text:p></office:annotation><text:p>Zinc</text:p></table:table-cell>' + cell_("10", number) + "</table:table-row>"
            '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="1024"/></table:table-row>')
    hidden = '<style:style style:name="ta" style:family="table"><style:table-properties table:display="false"/></style:style>'
    prices = "".join("<table:table-row>" + "".join(cell_(t, number if t.replace(",", "").isdigit() else "") for t in line_) + "</table:table-row>"
                     for line_ in (("Gant", "Taille", "1–9", "10–49", "50"), ("Nitrile", "M", "1,95", "1,80", "1,60"), ("Latex", "L", "2,95", "2,80", "2,60")))
    odf("prix.ods", "spreadsheet", f'<office:spreadsheet><table:table table:name="Prix">{prices}</table:table></office:spreadsheet>')
    odf("feuille.ods", "spreadsheet", f'<office:spreadsheet><table:table table:name="Stock">{rows}</table:table><table:table table:name="Cachée" table:style-name="ta">'
        f'<table:table-row>{cell_("SECRET")}</table:table-row></table:table></office:spreadsheet>', hidden)


def odp():
    frame = lambda kind, t: f'<draw:frame presentation:class="{kind}"><draw:text-box><text:p>{t}</text:p></draw:text-box></draw:frame>'
    page = lambda t, b: f'<draw:page>{frame("title", t)}{frame("outline", b)}<presentation:notes>{frame("notes", "Dire " + t)}</presentation:notes></draw:page>'
    odf("diapos.odp", "presentation", f'<office:presentation>{page("Un", "Premier")}{page("Deux", "Second")}</office:presentation>')


# ---- raised and lowered letters in every format --------------------------------------------------

# (text, level): numbers that must not change, and what must stay apart from them
SCRIPTS = [
    [("10", ""), ("5", "^"), (" copies, 4.2 x 10", ""), ("-", "^"), ("3", "^"), (" per m", ""), ("2", "^"), (", 10", ""), ("9", "^"), ("/L", "")],
    [("5 mg", ""), ("1", "^"), (" and 250", ""), ("1", "^"), (" mg; text.", ""), ("2,3", "^"), (" Next", "")],
    [("H", ""), ("2", "_"), ("O, log", ""), ("10", "_"), ("5, SO", ""), ("4", "_"), ("2-", "^"), (", C", ""), ("max", "_")],
    [("2", ""), ("1", "^"), ("/", ""), ("2", "_"), (" tablets, 2", ""), ("7", "^"), ("/", ""), ("16", "_"), (" inch, 1", ""), ("st", "^"), (" day, 25", ""), ("o", "^"), ("C", "")],
    [("E = mc", ""), ("2", "^"), (" and 3", ""), ("10", "^"), (" and dose", ""), ("3", "^"), (" of it", ""), ("2", "^")],
]


def scripts():
    kind = {"": "", "^": "superscript", "_": "subscript"}
    docx("scripts.docx", "".join(par("".join(run(t, f'<w:vertAlign w:val="{kind[l]}"/>' if l else "") for t, l in line_)) for line_ in SCRIPTS)
         + par(run("10") + run("6", '<w:position w:val="8"/>') + run(" and ") + run("x") + run("2", '<w:rStyle w:val="Up"/>')
               + '<w:hyperlink w:anchor="n">' + run("10") + run("7", '<w:vertAlign w:val="superscript"/>') + "</w:hyperlink>"),
         {"word/styles.xml": f'<w:styles {W}><w:style w:type="character" w:styleId="Up"><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style></w:styles>'},
         (("st", "styles", "styles.xml"),))
    automatic = "".join(f'<style:style style:name="{n}" style:family="text"><style:text-properties style:text-position="{p}"/></style:style>' for n, p in (("U", "super 58%"), ("D", "sub 58%")))
    spans = lambda line_: "<text:p>" + "".join({"": t, "^": f'<text:span text:style-name="U">{t}</text:span>', "_": f'<text:span text:style-name="D">{t}</text:span>'}[l] for t, l in line_) + "</text:p>"
    odf("scripts.odt", "text", "<office:text>" + "".join(spans(l) for l in SCRIPTS) + "</office:text>", automatic)
    odf("scripts.ods", "spreadsheet", '<office:spreadsheet><table:table table:name="S">' + "".join(
        f"<table:table-row><table:table-cell><text:p>Row</text:p></table:table-cell><table:table-cell>{spans(l)}</table:table-cell></table:table-row>" for l in SCRIPTS)
        + "</table:table></office:spreadsheet>", automatic)
    baseline = {"": 0, "^": 30000, "_": -25000}
    pptx("scripts.pptx", [shape(["<a:p>" + "".join(f'<a:r><a:rPr baseline="{baseline[l]}"/><a:t>{t}</a:t></a:r>' for t, l in line_) + "</a:p>" for line_ in SCRIPTS])])
    runs = lambda line_: "".join(f'<r><rPr><vertAlign val="{kind[l] or "baseline"}"/></rPr><t xml:space="preserve">{t}</t></r>' for t, l in line_)
    xlsx("scripts.xlsx", {"Shared": cells(*[(i + 1, [("A", "Row"), ("B", i, 't="s"')]) for i in range(len(SCRIPTS))]),
                          "Inline": "<sheetData>" + "".join(f'<row r="{i}"><c r="A{i}" t="inlineStr"><is><t>Row</t></is></c><c r="B{i}" t="inlineStr"><is>{runs(l)}</is></c></row>' for i, l in enumerate(SCRIPTS, 1)) + "</sheetData>"},
         [runs(l) for l in SCRIPTS])
    words = {"": "{%s}", "^": r"{\super %s}", "_": r"{\sub %s}"}
    write("scripts.rtf", r"{\rtf1\ansi " + r"\par ".join("".join(words[l] % t for t, l in line_) for line_ in SCRIPTS) + r"\par 10{\up6 6} and x{\dn4 1}\par}")


# ---- values over several columns -----------------------------------------------------------------

def spans():
    """What stands over two columns holds for both."""
    wide = '<w:gridSpan w:val="2"/>'
    docx("wide.docx", table(row(cell("Drug"), cell("Loading"), cell("Maintenance"), cell("Limit"), head=True),
                             row(cell("Gentamicin"), cell("7.5"), cell("2.5"), cell("240 mg")),
                             row(cell("Paracetamol"), cell("10–15 rectal", wide), cell("60 mg/kg")),
                             row(cell("For adults", '<w:gridSpan w:val="4"/>')),
                             row(cell("Ibuprofen"), cell("not recommended " * 20, wide), cell("2.4 g"))))


# ---- struck out ----------------------------------------------------------------------------------

STRUCK = [[("Morphine ", 0), ("100 mg", 1), (" 10 mg every 4 hours.", 0)], [("Stop it after a week.", 1)], [("Ketamine 1 mg/kg.", 0)]]


def struck():
    """Text with a line through it no longer holds."""
    docx("struck.docx", "".join(par("".join(run(t, "<w:strike/>" if l else '<w:strike w:val="0"/>') for t, l in line_)) for line_ in STRUCK)
         + par(run("Twice ", "<w:dstrike/>") + run("Once", '<w:rStyle w:val="Off"/>') + run("Never.", '<w:rStyle w:val="Off"/><w:strike w:val="0"/>')),
         {"word/styles.xml": f'<w:styles {W}><w:style w:type="character" w:styleId="Off"><w:rPr><w:strike/></w:rPr></w:style></w:styles>'},
         (("st", "styles", "styles.xml"),))
    automatic = ('<style:style style:name="K" style:family="text"><style:text-properties style:text-line-through-style="solid" style:text-line-through-type="single"/></style:style>'
                 '<style:style style:name="Q" style:family="paragraph"><style:text-properties style:text-line-through-type="double"/></style:style>'
                 '<style:style style:name="N" style:family="text"><style:text-properties style:text-line-through-style="none"/></style:style>'
                 '<style:style style:name="C" style:family="table-cell"><style:text-properties style:text-line-through-style="solid"/></style:style>')
    spans = lambda line_: "<text:p>" + "".join(f'<text:span text:style-name="K">{t}</text:span>' if l else t for t, l in line_) + "</text:p>"
    odf("struck.odt", "text", "<office:text>" + "".join(spans(l) for l in STRUCK)
        + '<text:p text:style-name="Q">Twice <text:span text:style-name="N">Never.</text:span></text:p></office:text>', automatic)
    odf("struck.ods", "spreadsheet", '<office:spreadsheet><table:table table:name="S">' + "".join(
        f'<table:table-row><table:table-cell><text:p>Row</text:p></table:table-cell><table:table-cell>{spans(l)}</table:table-cell>'
        '<table:table-cell table:style-name="C"><text:p>Old</text:p></table:table-cell></table:table-row>' for l in STRUCK) + "</table:table></office:spreadsheet>", automatic)
    slide = "".join("<a:p>" + "".join(f'<a:r><a:rPr strike="{"sngStrike" if l else "noStrike"}"/><a:t>{t}</a:t></a:r>' for t, l in line_) + "</a:p>" for line_ in STRUCK)
    pptx("struck.pptx", [shape([slide])])
    runs = lambda line_: "".join(f'<r><rPr>{"<strike/>" if l else ""}</rPr><t xml:space="preserve">{t}</t></r>' for t, l in line_)
    xlsx("struck.xlsx", {"S": cells(*[(i + 1, [("A", "Row"), ("B", i, 't="s"'), ("C", 7, 's="1"')]) for i in range(len(STRUCK))])}, [runs(l) for l in STRUCK],
         '<fonts><font/><font><strike/></font></fonts><cellXfs><xf fontId="0"/><xf fontId="1"/></cellXfs>')
    write("struck.rtf", r"{\rtf1\ansi " + r"\par ".join("".join((r"{\strike %s}" if l else "{%s}") % t for t, l in line_) for line_ in STRUCK)
          + r"\par \striked Twice \striked0 Never.\par}")


# ---- formulas ------------------------------------------------------------------------------------

def formulas():
    m = lambda name, *inner: f"<m:{name}>{''.join(inner)}</m:{name}>"
    t = lambda s: m("r", m("t", s))
    e, sub, sup = (lambda s, n=n: m(n, s if s.startswith("<") else t(s)) for n in ("e", "sub", "sup"))
    frac = lambda a, b: m("f", m("num", a if a.startswith("<") else t(a)), m("den", b if b.startswith("<") else t(b)))
    value = lambda name, v: f'<m:{name} m:val="{v}"/>'
    lines = [run("Take 2") + m("oMath", frac("1", "2")) + run(" tablets."),
             m("oMath", t("1"), t("0"), m("sSup", e("10"), sup("5")), t("+"), m("sSup", e("x"), sup("n+1")), t("+"), m("sSup", e("a+b"), sup("2"))),
             m("oMath", m("rad", m("degHide"), m("deg"), e("x-1")), t("+"), m("rad", m("deg", t("3")), e("y")), t("+"), m("nary", m("naryPr", value("chr", "∑")), sub("i=1"), sup("n"), e("x"))),
             m("oMath", m("func", m("fName", t("sin")), e("x")), t(","), m("acc", m("accPr", value("chr", "̄")), e("x")), t(","), m("sPre", sub("6"), sup("14"), e("C")), t(","), frac("a", "2x"), t(","), frac("140-a", "72×S")),
             m("oMath", m("d", m("dPr", value("begChr", "["), value("endChr", "]")), e("a"), e("b")), m("m", m("mr", e("1"), e("2")), m("mr", e("3"), e("4"))))]
    docx("formulas.docx", "".join(par(l) for l in lines))
    slide = "".join(f'<a:p><a:r><a:t>So 2</a:t></a:r><a14:m xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main" xmlns:m="{OOXML}officeDocument/2006/math">'
                    f'<m:oMathPara>{l}</m:oMathPara></a14:m></a:p>' for l in (m("oMath", frac("1", "2")), m("oMath", m("sSup", e("10"), sup("5")))))
    pptx("formulas.pptx", [f'<p:sp><p:nvSpPr><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody>{slide}</p:txBody></p:sp>'])


# ---- what programs show and files do not say ------------------------------------------------------

def edges():
    """Numbers of lists and headings, formats of cells, formulas without results, deleted rows, merged cells."""
    numbering = (f'<w:numbering {W}><w:abstractNum w:abstractNumId="0">{level(0, "decimal", "%1")}{level(1, "decimal", "%1.%2")}{level(2, "upperRoman", "%3)")}'
                 f'{level(3, "decimalZero", "%4.")}{level(4, "none", "")}</w:abstractNum><w:abstractNum w:abstractNumId="1">{level(0, "upperRoman", "Chapter %1:", 3)}'
                 '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:isLgl/><w:lvlText w:val="%1.%2"/></w:lvl></w:abstractNum>'
                 '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num></w:numbering>')
    items = (("one", 0, 1), ("one.one", 1, 1), ("roman", 2, 1), ("zero", 3, 1), ("none", 4, 1), ("two", 0, 1), ("two.one", 1, 1), ("legal", 0, 2), ("legal sub", 1, 2))
    moved = '<w:moveFrom w:id="1">' + run("SECRET") + '</w:moveFrom><w:moveTo w:id="2">' + run("moved here") + "</w:moveTo>"
    gone = '<w:tr><w:trPr><w:del w:id="3"/></w:trPr>' + cell("SECRET") + cell("SECRET") + "</w:tr>"
    docx("edges.docx", "".join(item(*i) for i in items) + par(moved) + f"<w:tbl>{row(cell('a'), cell('b'))}{gone}{row(cell('c'), cell('d'))}</w:tbl>", {"word/numbering.xml": numbering})

    formats = ['_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)', "0.0%", "[$€-2]\\ #,##0.00", "dd/mm/yyyy", '#,##0.0,"k"', "0.00E+00", "000\\-0000", '0" mg"', "+0;-0;0", "mmm yyyy", "000-00-0000"]
    values = [1234.5, 0.125, 99.9, 45413, 12345, 0.000012, 5551234, 250, 5, 45413, 123456789]
    quoted = lambda s: '"' + s.replace('"', "&quot;") + '"'
    styles = ("<numFmts>" + "".join(f'<numFmt numFmtId="{200 + i}" formatCode={quoted(c)}/>' for i, c in enumerate(formats)) + "</numFmts><cellXfs>"
              + "".join(f'<xf numFmtId="{200 + i}"/>' for i in range(len(formats))) + "</cellXfs>")
    rows = "".join(f'<row r="{i + 2}"><c r="A{i + 2}" t="inlineStr"><is><t>Kind {i}</t></is></c><c r="B{i + 2}" s="{i}"><v>{v}</v></c></row>' for i, v in enumerate(values))
    last = ('<row r="20"><c r="A20" t="inlineStr"><is><t>not reckoned</t></is></c><c r="B20"><f>SUM(B2:B3)</f></c></row><row r="21"><c r="A21" t="inlineStr"><is><t>reckoned</t></is></c>'
            '<c r="B21"><f>1+1</f><v>2</v></c></row>')
    xlsx("edges.xlsx", {"S": f'<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Kind</t></is></c><c r="B1" t="inlineStr"><is><t>Value</t></is></c></row>{rows}{last}</sheetData>'}, (), styles)

    outline = '<text:outline-style style:name="Outline">' + "".join(f'<text:outline-level-style text:level="{i}" style:num-format="1" text:display-levels="{i}"/>' for i in (1, 2, 3)) + "</text:outline-style>"
    heads_ = "".join(f'<text:h text:outline-level="{l}">{t}</text:h>' for t, l in (("Pumps", 1), ("Dosage", 2), ("Children", 3), ("Adults", 3), ("Storage", 1), ("Cold", 2)))
    changes = ('<text:tracked-changes><text:changed-region text:id="c1"><text:insertion/></text:changed-region><text:changed-region text:id="c2"><text:deletion><text:p>SECRET</text:p></text:deletion>'
               '</text:changed-region></text:tracked-changes>')
    body = ('<text:p>Text <text:change-start text:change-id="c1"/>inserted<text:change-end text:change-id="c1"/> and <text:change text:change-id="c2"/>kept, 250<text:a xlink:href="#n1">'
            '<text:span text:style-name="U">1</text:span></text:a> mg.</text:p>')
    odf("edges.odt", "text", f"<office:text>{changes}{heads_}{body}</office:text>", '<style:style style:name="U" style:family="text"><style:text-properties style:text-position="super 58%"/></style:style>',
        {"styles.xml": f"<office:document-styles {ODF}><office:styles>{outline}</office:styles></office:document-styles>"})

    tc = lambda t, more="": f"<a:tc {more}><a:txBody>{line(t)}</a:txBody></a:tc>"
    tr = lambda *cs: f"<a:tr>{''.join(cs)}</a:tr>"
    pptx("edges.pptx", ['<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow="1"/>' + tr(tc("Drug"), tc("Dose", 'gridSpan="2"'), tc("", 'hMerge="1"'))
                        + tr(tc("Iron", 'rowSpan="2"'), tc("10"), tc("mg")) + tr(tc("", 'vMerge="1"'), tc("20"), tc("mg")) + "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"])

    page = ('<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>A</title><link rel="stylesheet" type="text/css" href="../s.css"/>'
            '<style>.k{display:none}</style></head><body><h1>Chapter</h1><p>Dose 250<a epub:type="noteref" href="#n1">1</a> mg daily<sup><a href="#n2">2</a></sup>, by class 10<span class="raised">7</span>.</p>'
            '<p class="h">SECRET of a sheet</p><p class="k">SECRET of a style</p><p style="display:none">SECRET of its own</p><math xmlns="http://www.w3.org/1998/Math/MathML"><mfrac><mn>1</mn><mn>2</mn></mfrac></math></body></html>')
    opf = ('<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title></metadata><manifest><item id="a" href="t/a.xhtml" media-type="application/xhtml+xml"/>'
           '<item id="c" href="s.css" media-type="text/css"/></manifest><spine><itemref idref="a"/></spine></package>')
    package("sheet.epub", {"mimetype": "application/epub+zip", "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="O/c.opf"/></rootfiles></container>',
                           "O/c.opf": opf, "O/s.css": ".h{display:none} .raised{vertical-align:super;font-size:70%} p{margin:0}", "O/t/a.xhtml": page}, ("mimetype",))


def hidden_odf():
    """Rows, columns and letters of a sheet, and a slide, that nobody sees."""
    letters = lambda n, t, more="": f'<style:style style:name="{n}" style:family="table-cell"><style:table-cell-properties {more}/><style:text-properties {t}/></style:style>'
    automatic = (letters("w", 'fo:color="#ffffff"') + letters("d", 'fo:color="#ffffff"', 'fo:background-color="#203060"') + letters("t", 'fo:font-size="1pt"')
                 + '<style:style style:name="h" style:family="drawing-page"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>')
    c = lambda t, s="": f'<table:table-cell table:style-name="{s}" office:value-type="string"><text:p>{t}</text:p></table:table-cell>'
    r = lambda *cs, more="": f'<table:table-row {more}>{"".join(cs)}</table:table-row>'
    body = ('<table:table-column table:number-columns-repeated="2"/><table:table-column table:visibility="collapse"/><table:table-column/>'
            + r(c("Name"), c("Dose"), c("SECRET column"), c("Note")) + r(c("Iron"), c("65"), c("SECRET"), c("SECRET white", "w")) + r(c("Zinc"), c("10"), c(""), c("White on blue", "d"))
            + r(c("SECRET row"), c("1"), more='table:visibility="collapse"') + r(c("Filtered"), c("2"), more='table:visibility="filter"') + r(c("Salt"), c("3"), c(""), c("SECRET tiny", "t")))
    odf("hidden.ods", "spreadsheet", f'<office:spreadsheet><table:table table:name="S">{body}</table:table></office:spreadsheet>', automatic)
    slide = lambda t, s="": f'<draw:page draw:style-name="{s}"><draw:frame presentation:class="title"><draw:text-box><text:p>{t}</text:p></draw:text-box></draw:frame></draw:page>'
    odf("hidden.odp", "presentation", f'<office:presentation>{slide("Shown")}{slide("SECRET slide", "h")}{slide("Shown too")}</office:presentation>', automatic)


# ---- EPUB, RTF, CSV -----------------------------------------------------------------------------

def epub(name, more=None):
    opf = ('<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The well</dc:title><dc:language>en</dc:language></metadata>'
           '<manifest><item id="c2" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/><item id="c1" href="text/one.xhtml" media-type="application/xhtml+xml"/>'
           '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/><item id="p" href="p.png" media-type="image/png"/>'
           '<item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="nav"/><itemref idref="c1"/><itemref idref="c2"/><itemref idref="gone"/></spine></package>')
    page = lambda t, b: f'<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>{t}</title></head><body><h1>{t}</h1><p>{b}</p></body></html>'
    nav = ('<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="toc"><ol><li><a href="text/one.xhtml">Digging</a></li>'
           '<li><a href="text/two%20b.xhtml#x"><span>Water</span></a></li></ol></nav></body></html>')
    parts = {"mimetype": "application/epub+zip",
             "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
             "OEBPS/book.opf": opf, "OEBPS/nav.xhtml": nav, "OEBPS/text/one.xhtml": page("Digging a well", "Dig where it is wet."), "OEBPS/text/two b.xhtml": page("Water", "Boil it – always.")}
    parts.update(more or {})
    package(name, parts, ("mimetype",))


def lock(algorithm):
    return ('<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod '
            f'Algorithm="{algorithm}"/></enc:EncryptedData></encryption>')


RTF = (r"{\rtf1\ansi\ansicpg1252\deff0\deflang1031{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}"
       r"{\s2\sbasedon1 Kapitel;}{\s3 toc 1;}}{\info{\title Handbuch}}{\*\unknown nothing}{\header\pard Kopfzeile\par}"
       r"\pard\s1 Pumpen\par\pard\s2 Mit eigener Vorlage\par\pard\s3 Pumpen 1\par\pard Text \u8211? Gr\'f6\'dfe, {\f1\'cf\'f0\'e8}, {\v GEHEIM}{\deleted weg}10{\super 5} \uc2\u8364 EU "
       r"Ende{\footnote Eine Notiz.}{\*\atnauthor Ada}{\*\annotation Stimmt das?}.\line zweite Zeile\par{\listtext 1.\tab}Erstens\par{\listtext\'b7\tab}Punkt\par"
       r"\trowd\trhdr\cellx100\cellx200\pard\intbl Mittel\cell Dosis\cell\row\trowd\clvmgf\cellx100\cellx200\intbl Eisen\cell 65 mg\cell\row\trowd\clvmrg\cellx100\cellx200\intbl\cell 100 mg\cell\row"
       r"\pard Danach {\field{\*\fldinst HYPERLINK x}{\fldrslt ein Link}}{\pict\bin5 }}{\x}{\shp{\*\shpinst{\sp{\sn a}{\sv 1}}{\shptxt Im Kasten\par}}{\shprslt doppelt}}\page Seite zwei\par}")


def hostile():
    docx("entities.docx", '<w:p><w:r><w:t>before &boom; after</w:t></w:r></w:p>', {"word/document.xml":
         '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY boom "&b;&b;&b;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
         f'<w:document {W}><w:body><w:p><w:r><w:t>before &boom;&f; after</w:t></w:r></w:p></w:body></w:document>'})
    docx("bomb.docx", "", {"word/document.xml": f"<w:document {W}><w:body>" + " " * (24 << 20) + "</w:body></w:document>"})
    docx("spans.docx", table(row(cell("a", '<w:gridSpan w:val="99999999"/>'), cell("b", '<w:gridSpan w:val="-3"/>')), row(cell("c", '<w:gridSpan w:val="1024"/>'), cell("d"))))
    docx("deep.docx", "<w:tbl><w:tr><w:tc>" * 600 + par("deep") + "</w:tc></w:tr></w:tbl>" * 600)
    docx("broken.docx", "", {"word/document.xml": f"<w:document {W}><w:body>" + par("what came first") + "<w:p><w:r></w:p><w:tbl>"})
    docx("whole.docx", par("text"))
    data = open(os.path.join(HERE, "whole.docx"), "rb").read()
    os.remove(os.path.join(HERE, "whole.docx"))
    write("truncated.docx", data[: len(data) // 2])
    write("locked.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"))
    write("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "WordDocument".encode("utf-16-le"))
    xlsx("missing.xlsx", {"There": cells((1, [("A", "one")])), "Gone": ""})
    with zipfile.ZipFile(os.path.join(HERE, "missing.xlsx")) as z:
        parts = {n: z.read(n) for n in z.namelist() if not n.endswith("sheet2.xml")}
    package("missing.xlsx", parts)
    odf("locked.odt", "text", "", "", {"META-INF/manifest.xml": f"<manifest:manifest {ODF}><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"})
    epub("locked.epub", {"META-INF/encryption.xml": lock("http://www.w3.org/2001/04/xmlenc#aes128-cbc")})
    write("weiss.rtf", r"{\rtf1\ansi{\colortbl;\red255\green255\blue255;\red0\green0\blue0;\red32\green48\blue96;}"
          r"\pard Visible. {\cf1 SECRET} {\fs2 SECRET}{\cf2 Black.}\par \pard\cbpat3 {\cf1 White on blue.}\par \pard {\cf1\highlight2 White on black.}\par "
          r"{\cf1\cb1 SECRET}{\cf1\plain Plain again.}\par \trowd\clcbpat3\cellx100\cellx200\intbl{\cf1 Head}\cell b\cell\row "
          r"\trowd\cellx100\cellx200\intbl c{\cf1  SECRET}\cell d\cell\row \pard end\par}")
    write("deep.rtf", r"{\rtf1 begin " + "{" * 20000 + "deep" + "}" * 20000 + " end}")
    write("cut.rtf", r"{\rtf1{\fonttbl{\f0 A;}}\trowd\intbl a\cell b")


def main():
    os.makedirs(HERE, exist_ok=True)
    report()
    unseen_docx()
    heads()
    book()
    hidden_book()
    slides()
    hidden_slides()
    scripts()
    spans()
    struck()
    formulas()
    edges()
    hidden_odf()
    odt()
    unseen_odt()
    ods()
    odp()
    epub("well.epub", {"META-INF/encryption.xml": lock("http://www.idpf.org/2008/embedding")})
    write("handbuch.rtf", RTF)
    write("comma.csv", 'Name,Dose,Note\nIron,65,"with\nfood, ""never"" tea"\nZinc,10\n\nTotal,75\n')
    write("semikolon.csv", "Name;Dosis;Größe\nEisen;65,5;1\nZink;10,0;2\n".encode("cp1252"))
    write("steps.csv", "Item;1-9;10-49;50-99;100+;Days\n" + "".join(f"Glove {i};{i},95;{i},80;{i},60;{i},35;{i}\n" for i in range(1, 5)))
    write("months.csv", "Ward,01/2024,02/2024\nNorth,12,14\nSouth,9,11\n")
    write("ranges.csv", "Iron,5-10,3\nZinc,7,2\nCopper,1-2,9\n")
    write("tabs.tsv", "a\tb\n1\t2\n")
    write("quote.csv", 'a,b\n5" pipe,1\n"open,2\n')
    write("wide.csv", ",".join(f"A long heading of column {i}" for i in range(20)) + "\n" + ",".join(f"value {i}" for i in range(20)) + "\n")
    hostile()


main()
