"""Zips, office files, books and pictures that explode, loop or reach out of their folder.

Each function gives (name, bytes, heavy) as in pdf_files.py.
"""
import io
import stat
import struct
import warnings
import zipfile
import zlib

import pdf_files
import seeds
from seeds import SENTENCE, XML, n, paragraph

LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
DOCTYPE = f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>'


def bomb(xml, root):
    """xml with entities in front of its root, and their use inside."""
    return xml.replace(f"<{root}", f"{DOCTYPE}<{root}", 1).replace(SENTENCE, "&l9;&f;", 1)


def raw_zip(entries, comment=b"", extra_records=0):
    """entries: (name bytes, data, fields) with any field of the headers said falsely."""
    out, central = bytearray(), bytearray()
    for name, data, lies in entries:
        packed = lies.get("packed", data)
        crc, method = lies.get("crc", zlib.crc32(data)), lies.get("method", 0)
        size, packed_size = lies.get("size", len(data)), lies.get("packed_size", len(packed))
        at = lies.get("at", len(out))
        if "at" not in lies:
            out += struct.pack("<4s5H3I2H", b"PK\3\4", 20, lies.get("flags", 0), method, 0, 33, crc, packed_size, size,
                               len(name), 0) + name + packed
        central += struct.pack("<4s6H3I5H2I", b"PK\1\2", 0x314, 20, lies.get("flags", 0), method, 0, 33, crc, packed_size,
                               size, len(name), 0, 0, 0, 0, lies.get("attributes", 0), at) + name
    count = len(entries) + extra_records
    return bytes(out) + bytes(central) + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count & 0xffff, count & 0xffff,
                                                     len(central), len(out), len(comment)) + comment


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def nested(depth, copies):
    data = SENTENCE.encode()
    for level in range(depth):
        name = "a.txt" if level == 0 else "z.zip"
        data = seeds.zipped([(f"{i}{name}", data) for i in range(copies)])
    return data


def zips():
    text = SENTENCE.encode()
    for i, name in enumerate((b"../../x.txt", b"/etc/x.txt", b"C:\\x.txt", b"..\\..\\x.txt", b"a\0b.txt", b"a/../../b.txt",
                              b"\xff\xfe.txt", b"a\nb.txt", b"\x1b[31m.txt", b"", b"/", b"a" * n(5000) + b".txt",
                              b"a/" * 2000 + b"b.txt", b".", b"..")):
        yield f"name-{i}.zip", raw_zip([(name, text, {}), (b"good.txt", text, {})]), False
    yield "link.zip", raw_zip([(b"a.txt", b"/etc/passwd", {"attributes": (stat.S_IFLNK | 0o777) << 16})]), False
    yield "device.zip", raw_zip([(b"a.txt", b"", {"attributes": (stat.S_IFCHR | 0o777) << 16})]), False
    yield "same-name.zip", raw_zip([(b"a.txt", text, {})] * 500), False
    yield "file-and-folder.zip", raw_zip([(b"a", text, {}), (b"a/b.txt", text, {})]), False
    yield "crc-wrong.zip", raw_zip([(b"a.txt", text, {"crc": 1})]), False
    yield "size-huge.zip", raw_zip([(b"a.txt", text, {"size": 0xfffffffe, "packed_size": 0xfffffffe})]), False
    yield "size-zero.zip", raw_zip([(b"a.txt", text, {"size": 0, "packed": deflate(text * n(9999)), "method": 8})]), False
    yield "method-unknown.zip", raw_zip([(b"a.txt", text, {"method": 99})]), False
    yield "encrypted.zip", raw_zip([(b"a.txt", text + b"x" * 12, {"flags": 1})]), False
    yield "offset-far.zip", raw_zip([(b"a.txt", text, {"at": 0xfffffff0})]), False
    yield "count-lies.zip", raw_zip([(b"a.txt", text, {})], extra_records=60000), False
    yield "comment.zip", raw_zip([(b"a.txt", text, {})], comment=b"PK\5\6" * n(9999)), False
    yield "empty.zip", raw_zip([]), False
    yield "no-directory.zip", b"PK\3\4" + b"\0" * 500, False
    zeros = pdf_files.deflated(b" " * (1 << 20), 200, -15)
    yield "ratio.zip", raw_zip([(b"a.txt", b"", {"packed": zeros, "method": 8, "size": 200 << 20, "crc": 0})]), False
    yield "ratio-many.zip", lambda: raw_zip([(b"%d.txt" % i, b"", {"packed": zeros, "method": 8, "size": 200 << 20, "crc": 0})
                                     for i in range(50)]), True
    yield "overlapping.zip", overlapping, True
    yield "entries-100000.zip", lambda: zip_many(100000), True
    yield "entries-2000.zip", zip_many(n(2000)), False
    yield "nested-3.zip", nested(3, 2), False
    yield "nested-60.zip", nested(60, 1), False
    yield "nested-wide.zip", lambda: nested(6, 12), True
    small = raw_zip([(b"a.txt", text, {})])
    yield "self.zip", raw_zip([(b"self.zip", small, {}), (b"again.zip", small, {"at": 0})]), False
    yield "behind-garbage.zip", b"#!/bin/sh\n" * 50 + small, False
    yield "in-pdf.zip", seeds.seed_pdf() + small, False


def overlapping():
    """20,000 entries that are all the same bytes of the file: 80 GB out of 100 kB."""
    data = SENTENCE.encode() * n(100000)
    lies = {"packed": deflate(data), "method": 8, "size": len(data), "crc": zlib.crc32(data)}
    return raw_zip([(b"0.txt", b"", lies)] + [(b"%d.txt" % i, b"", {**lies, "at": 0}) for i in range(1, 20000)])


def zip_many(count):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for i in range(count):
            z.writestr(zipfile.ZipInfo(f"{i}.txt", seeds.DATE), b"quince")
    return out.getvalue()


def word():
    def document(body):
        return f"{XML}<w:document {seeds.W}><w:body>{body}</w:body></w:document>"
    yield "laughs.docx", seeds.docx(bomb(document(paragraph(SENTENCE)), "w:document")), False
    tables = "<w:tbl><w:tr><w:tc>" * n(3000) + paragraph(SENTENCE) + "</w:tc></w:tr></w:tbl>" * n(3000)
    yield "tables-deep.docx", seeds.docx(document(tables)), False
    yield "tags-million.docx", seeds.docx(document("<w:p>" * n(1000000))), False
    yield "runs-many.docx", lambda: seeds.docx(document("<w:p>" + "<w:r><w:t>a </w:t></w:r>" * n(300000) + "</w:p>")), True
    yield "paragraphs-many.docx", lambda: seeds.docx(document(paragraph("a") * n(200000))), True
    yield "text-huge.docx", lambda: seeds.docx(document(paragraph("word " * n(3000000)))), True
    yield "spans-huge.docx", seeds.docx(document(
        '<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2000000000"/></w:tcPr>' + paragraph("a") + "</w:tc></w:tr></w:tbl>")), False
    yield "not-xml.docx", seeds.docx("\0\1\2 not xml <<<"), False
    yield "xml-open.docx", seeds.docx(document(paragraph(SENTENCE))[:-40]), False
    yield "xml-utf16.docx", seeds.docx(document(paragraph(SENTENCE)).replace("UTF-8", "UTF-16").encode("utf-16")), False
    yield "xml-utf7.docx", seeds.docx(document(paragraph("+ADw-w:p+AD4-")).replace("UTF-8", "UTF-7")), False
    styles = f"{XML}<w:styles {seeds.W}>" + "".join(
        f'<w:style w:styleId="s{i}"><w:basedOn w:val="s{(i + 1) % 50}"/></w:style>' for i in range(50)) + "</w:styles>"
    yield "styles-loop.docx", seeds.docx(document(paragraph(SENTENCE, "s0")), [("word/styles.xml", styles)]), False
    yield "no-document.docx", seeds.zipped([("[Content_Types].xml", seeds.content_types())]), False
    yield "relation-outside.docx", seeds.zipped([
        ("[Content_Types].xml", seeds.content_types()),
        ("_rels/.rels", seeds.relations(("r1", "officeDocument", "../../../../etc/passwd")))]), False
    yield "relation-self.docx", seeds.zipped([
        ("[Content_Types].xml", seeds.content_types()),
        ("_rels/.rels", seeds.relations(("r1", "officeDocument", "_rels/.rels")))]), False
    yield "old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * n(5000), False
    yield "laughs.odt", seeds.odt(bomb(seeds.odt_content(f"<text:p>{SENTENCE}</text:p>"), "office:document-content")), False
    yield "spaces.odt", seeds.odt(seeds.odt_content('<text:p><text:s text:c="2000000000"/>a</text:p>')), False
    yield "cells-repeated.odt", seeds.odt(seeds.odt_content(
        '<table:table><table:table-row table:number-rows-repeated="1000000000"><table:table-cell '
        'table:number-columns-repeated="1000000000"><text:p>a</text:p></table:table-cell></table:table-row></table:table>')), False
    yield "sections-deep.odt", seeds.odt(seeds.odt_content("<text:section>" * n(100000))), False
    yield "lists-deep.odt", seeds.odt(seeds.odt_content("<text:list><text:list-item>" * n(5000) + f"<text:p>{SENTENCE}</text:p>" +
                                                        "</text:list-item></text:list>" * n(5000))), False


def sheets():
    def sheet(rows):
        return f"{XML}<worksheet {seeds.S}><sheetData>{rows}</sheetData></worksheet>"
    yield "laughs.xlsx", seeds.xlsx(sheet(""), bomb(seeds.shared_strings([SENTENCE]), "sst")), False
    yield "cell-far.xlsx", seeds.xlsx(sheet('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')), False
    yield "cell-nowhere.xlsx", seeds.xlsx(sheet('<row r="-1"><c r="ZZZZZZZZ99999999999"><v>1</v></c><c r="1A"/></row>')), False
    yield "string-index.xlsx", seeds.xlsx(sheet('<row r="1"><c r="A1" t="s"><v>4000000000</v></c><c r="B1" t="s"><v>-1</v></c></row>'),
                                          seeds.shared_strings(["a"])), False
    yield "strings-many.xlsx", lambda: seeds.xlsx(sheet('<row r="1"><c r="A1" t="s"><v>0</v></c></row>'),
                                          seeds.shared_strings(["a"] * n(500000))), True
    yield "rows-many.xlsx", lambda: seeds.xlsx(sheet("".join(f'<row r="{i}"><c r="A{i}"><v>1</v></c><c r="B{i}"><v>2</v></c></row>'
                                                     for i in range(1, n(100000) + 1)))), True
    yield "merge-huge.xlsx", seeds.xlsx(sheet('<row r="1"><c r="A1"><v>1</v></c></row>').replace(
        "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>')), False
    yield "string-reuse.xlsx", lambda: seeds.xlsx(sheet("".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(1, 2001))),
                                          seeds.shared_strings(["word " * n(20000)])), True
    yield "slides-same.pptx", seeds.pptx([seeds.slide(SENTENCE)], [0] * n(5000)), False
    yield "laughs.pptx", seeds.pptx([bomb(seeds.slide(SENTENCE), "p:sld")]), False
    yield "slides-many.pptx", lambda: seeds.pptx([seeds.slide("a")] * n(5000)), True
    yield "groups-deep.pptx", seeds.pptx([seeds.slide(SENTENCE).replace("<p:sp>", "<p:grpSp>" * n(5000) + "<p:sp>", 1).replace(
        "</p:sp>", "</p:sp>" + "</p:grpSp>" * n(5000), 1)]), False


def books():
    page = seeds.xhtml(f"<p>{SENTENCE}</p>")
    yield "spine-same.epub", seeds.epub([("a.xhtml", page)], seeds.opf([("a", "a.xhtml")], ["a"] * n(20000))), False
    yield "outside.epub", seeds.epub([("a.xhtml", page)], seeds.opf([("a", "../../etc/passwd"), ("b", "file:///etc/passwd")],
                                                                    ["a", "b"])), False
    yield "missing.epub", seeds.epub([], seeds.opf([("a", "a.xhtml")], ["a", "b"])), False
    yield "opf-self.epub", seeds.epub([], seeds.opf([("a", "b.opf")], ["a"])), False
    yield "laughs.epub", seeds.epub([("a.xhtml", bomb(page, "html"))], bomb(seeds.opf([("a", "a.xhtml")], ["a"]), "package")), False
    yield "nested.epub", seeds.epub([("a.xhtml", seeds.xhtml("<div>" * n(300000)))], seeds.opf([("a", "a.xhtml")], ["a"])), False
    yield "no-container.epub", seeds.zipped([("mimetype", "application/epub+zip")], stored=("mimetype",)), False
    chapters = [(f"c{i}", f"c{i}.xhtml") for i in range(n(3000))]
    yield "chapters-many.epub", lambda: seeds.epub([(h, page) for _, h in chapters], seeds.opf(chapters, [i for i, _ in chapters])), True


def pictures():
    yield "size-huge.png", seeds.png(2000000000, 2000000000, b"\0" * 99), False
    yield "size-zero.png", seeds.png(0, 0, b""), False
    yield "bomb.png", lambda: seeds.png(60000, 60000, b"\0" * (60000 * n(7501)), 1), True
    yield "text-bomb.png", lambda: seeds.png(8, 8, b"\0" * 72, extra=[(b"zTXt", b"a\0\0" + zlib.compress(b"a" * (100 << 20), 9))]), True
    yield "depth-wrong.png", seeds.png(8, 8, b"\0" * 72, 77, 99), False
    jpeg = seeds.seed_jpeg()
    yield "size-huge.jpg", jpeg.replace(struct.pack(">HH", 16, 16), b"\xff\xff\xff\xff"), False
    yield "segments.jpg", jpeg[:2] + b"\xff\xe1\0\2" * n(100000) + jpeg[2:], False
    yield "scans.jpg", jpeg[:-2] + (b"\xff\xda\0\x08\1\1\0\0\x3f\0\0\0" * n(20000)) + b"\xff\xd9", False
    yield "loop.tiff", seeds.tiff(16, 16, bytes(256), following=8 + 256), False
    yield "size-huge.tiff", seeds.tiff(0x7fffffff, 0x7fffffff, b"x"), False
    ifd, pages = struct.pack("<H", 2) + struct.pack("<HHIIHHII", 256, 4, 1, 1, 257, 4, 1, 1), 50000
    chain = b"".join(ifd + struct.pack("<I", 8 + (i + 1) * 30 if i + 1 < pages else 0) for i in range(pages))
    yield "pages-many.tiff", b"II*\0\x08\0\0\0" + chain, False
    yield "tags-lie.tiff", b"II*\0\x08\0\0\0\xff\xff" + b"\x11\1\4\0\xff\xff\xff\xff\0\0\0\0" * 50, False
    yield "a.gif", b"GIF89a\xff\xff\xff\xff\x80\0\0" + b"\0" * 99, False
    yield "a.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, -1, 0x7fffffff, 1, 24, 0, 0, 0, 0, 0, 0), False
    yield "a.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 99, False
    yield "a.pgm", b"P5 99999999 99999999 255\n", False


def files():
    warnings.simplefilter("ignore")
    for part in (zips, word, sheets, books, pictures):
        yield from part()
