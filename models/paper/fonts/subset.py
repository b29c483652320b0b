"""Makes the TrueType subsets beside this file: subset.py SOURCE.ttc OUT.ttf STYLE CHARACTERS.txt (needs fonttools).

CHARACTERS.txt holds the characters that are wanted beside Latin letters and punctuation; SOURCE is a Noto Serif CJK collection.
"""
import sys
from fontTools.ttLib import TTCollection, TTFont, newTable
from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
src, out, style = sys.argv[1:4]
col = TTCollection(src, lazy=True)
font = next(f for f in col.fonts if f['name'].getDebugName(1) == 'Noto Serif CJK SC' or (f['name'].getDebugName(16) or '') == 'Noto Serif CJK SC')
cmap = font.getBestCmap()
print(len(cmap), sum(1 for c in cmap if c > 0xffff))
want = set(range(0x20, 0x7f)) | set(range(0xa0, 0x180)) | set(range(0x2010, 0x2040)) | set(range(0x2460, 0x24a0)) | set(range(0x3000, 0x3040)) | set(range(0xff01, 0xff5f)) | {0x2103, 0x2116, 0x25cb,0x25cf,0x25a1,0x25a0,0x2605,0x2606,0x2192,0xa5,0xffe5,0x00d7,0x2265,0x2264,0x2030,0x3007,0x20ac}
want |= set(map(ord, open(sys.argv[4]).read()))
want &= set(cmap)
o = subset.Options(); o.layout_features = []; o.hinting = False; o.name_IDs = ['*']; o.notdef_outline = True; o.drop_tables += ['VORG','vhea','vmtx','BASE','GSUB','GPOS','GDEF']
s = subset.Subsetter(o); s.populate(unicodes=want); s.subset(font)
gs = font.getGlyphSet(); order = font.getGlyphOrder()
glyphs = {}
for n in order:
    pen = TTGlyphPen(None); gs[n].draw(Cu2QuPen(pen, 1.0, reverse_direction=True)); glyphs[n] = pen.glyph()
font['loca'] = newTable('loca'); glyf = font['glyf'] = newTable('glyf'); glyf.glyphOrder = order; glyf.glyphs = glyphs
del font['CFF ']
maxp = font['maxp']; maxp.tableVersion = 0x00010000
for k, v in dict(maxZones=1, maxTwilightPoints=0, maxStorage=0, maxFunctionDefs=0, maxInstructionDefs=0, maxStackElements=0, maxSizeOfInstructions=0, maxComponentElements=0, maxPoints=0,maxContours=0,maxCompositePoints=0,maxCompositeContours=0,maxComponentDepth=0).items(): setattr(maxp, k, v)
post = font['post']; post.formatType = 3.0; post.extraNames=[]; post.mapping={}; post.glyphOrder=order
font.sfntVersion = '\x00\x01\x00\x00'
for rec in list(font['name'].names):
    if rec.nameID in (1,3,4,6,16): rec.string = {1:'Bangfu Serif SC',3:'Bangfu Serif SC '+style,4:'Bangfu Serif SC '+style,6:'BangfuSerifSC-'+style,16:'Bangfu Serif SC'}[rec.nameID]
font.recalcTimestamp=False
font.save(out)
print(len(order))
