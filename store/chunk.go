package store

import (
	"fmt"

	"github.com/scalesmall/ssnode/delta"
)

// keyedImage is an image as a chunk has it.
type keyedImage struct {
	key     delta.Key
	payload []byte
}

// chunkBytes is how large a chunk becomes, unless one image is larger: several fit
// in a page.
const chunkBytes = 900

// chunkImages is how many images a chunk has about, where keys are short: too many cost no
// more than room in a table.
const chunkImages = 16

// chunkValuesMax bounds the keys and images in one: each but the last takes a byte.
const chunkValuesMax = 2 * (chunkBytes + 1)

// chunkRoom is more than a chunk takes of so many images and bytes.
func chunkRoom(images, bytes int) int { return bytes + 6*images + 6 }

// encodeChunk returns the payload of a chunk in some room: key after image, null
// for none, a list as delta.DecodeList reads it.
func encodeChunk(room unsealed, images []*image) unsealed {
	b := delta.AppendArray(room, uint64(2*len(images)))
	for _, x := range images {
		b = appendImage(b, x)
	}
	return b
}

// appendImage appends two values of a list: key and image, null for none.
func appendImage[T ~[]byte](b T, x *image) T {
	b = delta.AppendBytes(b, string(x.key))
	if x.isGone() {
		return delta.AppendNull(b)
	}
	return delta.AppendBytes(b, x.payload())
}

// decodeChunk returns the number of a chunk and its images. Their payloads share
// the memory of that of the chunk.
func decodeChunk(key, payload []byte) (number uint64, images []keyedImage, err error) {
	if number, err = parseIndexKey(key); err != nil {
		return 0, nil, err
	}
	values, err := delta.DecodeList(payload, chunkValuesMax)
	if err != nil {
		return 0, nil, corrupt(fmt.Sprintf("fresh: chunk %d", number), err)
	}
	if len(values)%2 != 0 || len(values) == 0 {
		return 0, nil, fmt.Errorf("%w: fresh: chunk %d has %d values", ErrCorrupt, number, len(values))
	}
	for i := 0; i < len(values); i += 2 {
		if len(values[i]) == 0 {
			return 0, nil, fmt.Errorf("%w: fresh: chunk %d has an image without a key", ErrCorrupt, number)
		}
		images = append(images, keyedImage{delta.Key(values[i]), values[i+1]})
	}
	return number, images, nil
}
