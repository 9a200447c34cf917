"""Small sound files of every format, made here: what truncations and bit flips start from.

Each is of our own writing and says the same sentence. Nothing depends on the clock or on a
random seed, so that a failure can be made again.
"""
import io
import struct
import zipfile
import zlib

SENTENCE = "The quince tree is pruned in February."
DATE = (2020, 1, 1, 0, 0, 0)
scale = 1  # of the counts that make files long or deep; make.py --short sets it


def n(count):
    return max(1, count // scale)


# ---- PDF ---------------------------------------------------------------------------------------

def pdf(objects, root=1, trailer=b"", header=b"%PDF-1.7\n"):
    """objects: number -> body without "obj" and "endobj"."""
    out, offsets = bytearray(header), {}
    for number in sorted(objects):
        offsets[number] = len(out)
        out += b"%d 0 obj\n" % number + objects[number] + b"\nendobj\n"
    table, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        if number in offsets:
            out += b"%010d 00000 n \n" % offsets[number]
        else:
            out += b"0000000000 65535 f \n"
    out += b"trailer\n<</Size %d/Root %d 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        size, root, trailer, table)
    return bytes(out)


def stream(data, extra=b"", deflate=False):
    if deflate:
        data, extra = zlib.compress(data, 9), extra + b"/Filter/FlateDecode"
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(data), extra, data)


FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"


def page_pdf(content, page=b"", resources=b"", more=None, catalog=b"", box=b"[0 0 595 842]",
             trailer=b""):
    """One page. Objects 1 catalog, 2 pages, 3 page, 4 content, 5 font; `more` begins at 6."""
    objects = {1: b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
               2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               3: b"<</Type/Page/Parent 2 0 R/MediaBox%s/Contents 4 0 R/Resources<</Font<</F 5 0 R>>"
                  b"%s>>%s>>" % (box, resources, page),
               4: content if content.startswith(b"<<") else stream(content),
               5: FONT}
    objects.update(more or {})
    return pdf(objects, trailer=trailer)


def text_content(lines):
    return b"BT /F 12 Tf 14 TL 72 770 Td " + b" ".join(
        b"(%s) Tj T*" % line.encode() for line in lines) + b" ET"


def seed_pdf():
    more = {6: b"<</Type/Outlines/First 7 0 R/Last 7 0 R/Count 1>>",
            7: b"<</Title(Trees)/Parent 6 0 R/Dest[3 0 R/Fit]>>",
            8: b"<</Title(A garden)/Author(Carrel)>>"}
    return page_pdf(stream(text_content([SENTENCE, "Its fruit is harvested in October."]),
                           deflate=True), more=more, catalog=b"/Outlines 6 0 R",
                    trailer=b"/Info 8 0 R")


def seed_pdf_objects():
    """Cross-reference stream and object stream (PDF 1.5)."""
    bodies = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
              b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
              b"/Resources<</Font<</F 5 0 R>>>>>>"]
    pairs, data = b"", b""
    for i, body in enumerate(bodies):
        pairs += b"%d %d " % (i + 1, len(data))
        data += body + b" "
    out, at = bytearray(b"%PDF-1.5\n"), {}
    for number, body in ((4, stream(text_content([SENTENCE]))), (5, FONT),
                         (6, stream(pairs + data, b"/Type/ObjStm/N 3/First %d" % len(pairs), True))):
        at[number] = len(out)
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    rows = [struct.pack(">BHB", 0, 0, 0)]
    rows += [struct.pack(">BHB", 2, 6, i) for i in range(3)]
    rows += [struct.pack(">BHB", 1, at[n], 0) for n in (4, 5, 6)]
    rows += [struct.pack(">BHB", 1, len(out), 0)]
    table = len(out)
    out += b"7 0 obj\n" + stream(b"".join(rows), b"/Type/XRef/W[1 2 1]/Size 8/Root 1 0 R", True)
    return bytes(out) + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % table


# ---- zips --------------------------------------------------------------------------------------

def zipped(entries, compress=zipfile.ZIP_DEFLATED, stored=()):
    """entries: (name, bytes) in order, with a fixed date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in entries:
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_STORED if name in stored else compress
            z.writestr(info, data)
    return out.getvalue()


XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def relations(*pairs):
    rows = "".join(f'<Relationship Id="{i}" Type="{REL}/{kind}" Target="{target}"/>'
                   for i, kind, target in pairs)
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{rows}</Relationships>'


def content_types(*overrides):
    rows = "".join(f'<Override PartName="{part}" ContentType="{kind}"/>' for part, kind in overrides)
    return (f'{XML}<Types xmlns="{PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{rows}</Types>')


OFFICE = "application/vnd.openxmlformats-officedocument"


def docx(document, extra=()):
    return zipped([
        ("[Content_Types].xml", content_types(
            ("/word/document.xml", f"{OFFICE}.wordprocessingml.document.main+xml"))),
        ("_rels/.rels", relations(("r1", "officeDocument", "word/document.xml"))),
        ("word/document.xml", document), *extra])


def paragraph(text, style=""):
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def seed_docx():
    cell = "<w:tc>" + paragraph("Month") + "</w:tc><w:tc>" + paragraph("Work") + "</w:tc>"
    body = paragraph("Trees", "Heading1") + paragraph(SENTENCE) + f"<w:tbl><w:tr>{cell}</w:tr></w:tbl>"
    return docx(f"{XML}<w:document {W}><w:body>{body}</w:body></w:document>")


def odt(content):
    return zipped([("mimetype", "application/vnd.oasis.opendocument.text"),
                   ("META-INF/manifest.xml", XML + '<manifest:manifest xmlns:manifest='
                    '"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'),
                   ("content.xml", content)], stored=("mimetype",))


ODF = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"'
               for n in ("office", "text", "table"))


def odt_content(body):
    return f"{XML}<office:document-content {ODF}><office:body><office:text>{body}</office:text></office:body></office:document-content>"


def seed_odt():
    return odt(odt_content(f'<text:h text:outline-level="1">Trees</text:h><text:p>{SENTENCE}</text:p>'))


def slide(text):
    return (f'{XML}<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
            'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><p:cSld><p:spTree><p:sp>'
            f'<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>')


def pptx(slides, ids=None):
    count = len(slides)
    ids = ids if ids is not None else range(count)
    listed = "".join(f'<p:sldId id="{256 + i}" r:id="s{k}"/>' for i, k in enumerate(ids))
    entries = [("[Content_Types].xml", content_types(
        ("/ppt/presentation.xml", f"{OFFICE}.presentationml.presentation.main+xml"))),
        ("_rels/.rels", relations(("r1", "officeDocument", "ppt/presentation.xml"))),
        ("ppt/presentation.xml",
         f'{XML}<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" {R}>'
         f"<p:sldIdLst>{listed}</p:sldIdLst></p:presentation>"),
        ("ppt/_rels/presentation.xml.rels",
         relations(*((f"s{i}", "slide", f"slides/slide{i + 1}.xml") for i in range(count))))]
    entries += [(f"ppt/slides/slide{i + 1}.xml", s) for i, s in enumerate(slides)]
    return zipped(entries)


def seed_pptx():
    return pptx([slide(SENTENCE), slide("Its fruit is harvested in October.")])


def xlsx(sheet, strings=None):
    entries = [("[Content_Types].xml", content_types(
        ("/xl/workbook.xml", f"{OFFICE}.spreadsheetml.sheet.main+xml"))),
        ("_rels/.rels", relations(("r1", "officeDocument", "xl/workbook.xml"))),
        ("xl/workbook.xml", f'{XML}<workbook {S} {R}><sheets><sheet name="Trees" sheetId="1" r:id="s1"/>'
         "</sheets></workbook>"),
        ("xl/_rels/workbook.xml.rels", relations(("s1", "worksheet", "worksheets/sheet1.xml"),
                                                 ("s2", "sharedStrings", "sharedStrings.xml"))),
        ("xl/worksheets/sheet1.xml", sheet)]
    if strings is not None:
        entries.append(("xl/sharedStrings.xml", strings))
    return zipped(entries)


def shared_strings(texts):
    return f"{XML}<sst {S}>" + "".join(f"<si><t>{t}</t></si>" for t in texts) + "</sst>"


def seed_xlsx():
    sheet = (f'{XML}<worksheet {S}><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
             '</row><row r="2"><c r="A2" t="inlineStr"><is><t>February</t></is></c><c r="B2"><v>42</v></c></row>'
             "</sheetData></worksheet>")
    return xlsx(sheet, shared_strings(["Month", "Trees"]))


def epub(entries, opf):
    return zipped([("mimetype", "application/epub+zip"),
                   ("META-INF/container.xml", XML.replace(' standalone="yes"', "") +
                    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
                    '<rootfiles><rootfile full-path="b.opf" media-type="application/oebps-package+xml"/>'
                    "</rootfiles></container>"), ("b.opf", opf), *entries], stored=("mimetype",))


def opf(items, spine):
    listed = "".join(f'<item id="{i}" href="{h}" media-type="application/xhtml+xml"/>' for i, h in items)
    order = "".join(f'<itemref idref="{i}"/>' for i in spine)
    return (f'<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Garden</dc:title><dc:language>en</dc:language>'
            f"</metadata><manifest>{listed}</manifest><spine>{order}</spine></package>")


def xhtml(body):
    return ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head>'
            f"<body>{body}</body></html>")


def seed_epub():
    return epub([("a.xhtml", xhtml(f"<h1>Trees</h1><p>{SENTENCE}</p>"))], opf([("a", "a.xhtml")], ["a"]))


def seed_zip():
    return zipped([("garden/trees.txt", SENTENCE), ("garden/b.html", f"<h1>Trees</h1><p>{SENTENCE}</p>")])


# ---- text formats --------------------------------------------------------------------------------

def seed_html():
    return (f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Trees</title></head><body><h1>Trees"
            f"</h1><p>{SENTENCE}</p><ul><li>quince<li>apple</ul><table><tr><th>Month<th>Work<tr><td>May<td>none"
            "</table><pre>a  b</pre></body></html>").encode()


def seed_md():
    return (f"---\ntitle: Garden\n---\n# Trees\n\n{SENTENCE} *Now* [a](b) `c`.\n\n- quince\n- apple\n\n"
            "| Month | Work |\n| - | - |\n| May | none |\n\n```\ncode\n```\n").encode()


def seed_txt():
    return f"TREES\n\n{SENTENCE}\nIts fruit is harvested\nin October.\n\n- quince\n- apple\n".encode()


def seed_csv():
    return f'month,work\nFebruary,"{SENTENCE}"\nOctober,"harvest, ""all"" of it"\n'.encode()


def seed_eml():
    return (f"From: Ada <ada@example.org>\r\nTo: Bo <bo@example.org>\r\nSubject: =?utf-8?Q?Tr=C3=A9es?=\r\n"
            "Date: Wed, 01 Jan 2020 00:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
            f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{SENTENCE} =C3=A9\r\n--b\r\n"
            'Content-Type: text/html\r\nContent-Disposition: attachment; filename="a.html"\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\nPHA+UXVpbmNlPC9wPg==\r\n--b--\r\n").encode()


def seed_mbox():
    mail = seed_eml().replace(b"\r\n", b"\n")
    return b"".join(b"From ada@example.org Wed Jan  1 00:00:00 2020\n" + mail + b"\n" for _ in range(2))


def seed_mhtml():
    return (b"From: <Saved>\r\nSubject: Trees\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; "
            b'type="text/html"; boundary="m"\r\n\r\n--m\r\nContent-Type: text/html; charset="utf-8"\r\n'
            b"Content-Location: http://example.org/\r\n\r\n" + seed_html() + b"\r\n--m--\r\n")


def seed_rtf():
    return (r"{\rtf1\ansi\ansicpg1252\uc1{\fonttbl{\f0 Times;}}{\info{\title Trees}}\pard\b Trees\b0\par "
            + SENTENCE + r"\u233?\'e9\par\trowd\cellx1000\cellx2000 May\cell none\cell\row}").encode()


# ---- images ------------------------------------------------------------------------------------

def png(width, height, rows, depth=8, kind=0, extra=()):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return (b"\x89PNG\r\n\x1a\n" + head + b"".join(chunk(n, d) for n, d in extra) +
            chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def seed_png():
    return png(32, 32, b"".join(b"\0" + bytes((x * y) % 256 for x in range(32)) for y in range(32)))


def tiff(width, height, data, following=0):
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8),
            (277, 3, 1), (278, 4, height), (279, 4, len(data))]
    body = struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + struct.pack("<H", len(tags))
    for tag, kind, value in tags:
        body += struct.pack("<HHII", tag, kind, 1, value)
    return body + struct.pack("<I", following)


def seed_tiff():
    return tiff(16, 16, bytes(range(256)))


def seed_jpeg():
    """Grey, 16 x 16, every coefficient zero: one table of each kind with a code or two."""
    def segment(marker, data):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data
    table = bytes([1] + [0] * 15)
    return (b"\xff\xd8" + segment(0xe0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + segment(0xdb, b"\0" + bytes([16] * 64)) +
            segment(0xc0, struct.pack(">BHHBBBB", 8, 16, 16, 1, 1, 0x11, 0)) +
            segment(0xc4, b"\x00" + table + b"\0") + segment(0xc4, b"\x10" + table + b"\0") +
            segment(0xda, bytes([1, 1, 0, 0, 63, 0])) + b"\x00\x00" + b"\xff\xd9")


SEEDS = [("a.pdf", seed_pdf), ("b.pdf", seed_pdf_objects), ("a.html", seed_html), ("a.md", seed_md),
         ("a.txt", seed_txt), ("a.docx", seed_docx), ("a.odt", seed_odt), ("a.pptx", seed_pptx),
         ("a.xlsx", seed_xlsx), ("a.csv", seed_csv), ("a.epub", seed_epub), ("a.eml", seed_eml),
         ("a.mbox", seed_mbox), ("a.mhtml", seed_mhtml), ("a.rtf", seed_rtf), ("a.png", seed_png),
         ("a.jpg", seed_jpeg), ("a.tiff", seed_tiff), ("a.zip", seed_zip)]
