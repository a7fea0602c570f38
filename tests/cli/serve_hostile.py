"""What hostile clients and hostile shared files do to the server: nothing."""
import base64, os, struct, sys, zlib
from served import Server, card, put_character

program, model, folder, port = sys.argv[1:4] + [int(sys.argv[4])]
characters = folder + '/characters'


def png(text):
    """A picture with a card in it."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0)) + chunk(b'tEXt', b'chara\0' + base64.b64encode(text.encode())) +
            chunk(b'IDAT', zlib.compress(b'\0\0')) + chunk(b'IEND', b''))


def deep_json(s):
    """Arrays in arrays, where each reader of the server finds them: the parser recurses, a thread has 512 KiB."""
    head = '{"spec":"chara_card_v2","data":{"name":"Deep","description":"d","extensions":{"x":'
    for opening, closing in (('[', ']'), ('{"a":', '}')):
        for n in (100, 2000, 100000):
            nest = opening * n + '1' + closing * n
            deep = head + nest + '}}}'
            for path in ('/api/characters', '/api/chats/import', '/api/chats', '/v1/chat/completions', '/tokenize'):
                assert s.call('POST', path, raw=b'{"card":%s}' % deep.encode())[0] == 400, (path, n)
            assert s.call('POST', '/api/characters', {'png_base64': base64.b64encode(png(deep)).decode()})[0] == 400, n
            for form, data in (('json', '{"understudy_chat":2,"turns":' + nest + '}'), ('sillytavern', '{"user_name":' + nest + '}\n')):
                assert s.call('POST', '/api/chats/import', {'format': form, 'data': data, 'characters': ['tom']})[0] == 400, n
            put_character(characters, 'deep', deep)
            assert s.call('GET', '/api/characters/deep')[0] in (400, 404, 500), n
            for file, kind in (('about.json', '/about'), ('audition.json', '/audition')):
                with open(f'{characters}/tom/{file}', 'w') as f:
                    f.write('{"x":' + nest + '}')
                s.call('GET', '/api/characters/tom')
                s.call('GET', '/api/characters/tom' + kind)
                os.remove(f'{characters}/tom/{file}')
            s.ok('GET', '/api/characters')
    # not deep, but each value of three bytes would be a hundred in memory
    before = s.memory('VmHWM')
    assert s.call('POST', '/api/characters', raw=b'{"card":[' + b'{},' * 4000000 + b'1]}')[0] == 400
    assert s.memory('VmHWM') - before < 100
    s.alive()


put_character(characters, 'tom', card('Tom'))
s = Server(program, folder, port, '--characters', characters, model=model)
deep_json(s)
s.end()
print('ok')
